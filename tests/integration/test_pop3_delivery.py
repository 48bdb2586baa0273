"""POP3 mail delivered elsewhere: durable before it is deleted on the server, and not twice."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mailcli.errors import CannotCreate, ConfigError, LocalIOError, Locked, TryAgain
from mailcli.store import disk
from tests.integration.conftest import MakeBox
from tests.support.maildrop import PASSWORD, Mail, letter
from tests.support.pop3_box import DELETE, Box
from tests.support.program import ROOT, Program, finish, wait_until

KILLED = """
import os, signal, sys
from mailcli.sync.pop3.history import History

record = History.record

def killed(self, rows, forget=()):
    if any(row.state == "delivered" for row in rows):
        os.kill(os.getpid(), signal.SIGKILL)
    record(self, rows, forget)

History.record = killed
from mailcli.__main__ import main
sys.exit(main())
"""
"""The program, ended between a delivery and its record."""


def killed(box: Box) -> None:
    """A run that ends after the first batch was delivered, and before that is recorded."""
    words = [sys.executable, "-c", KILLED, "--profile", str(box.directory), "fetch", "--delete"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == -9, done


def texts(directory: Path) -> list[bytes]:
    return sorted(path.read_bytes() for part in ("new", "cur") for path in (directory / part).iterdir())


def test_a_folder_of_the_account_takes_the_mail(make_box: MakeBox) -> None:
    box = make_box(3, 'deliver = "folder:Lists/python"')
    assert box.fetch(DELETE).gone == 3
    with box.store as store:
        assert store.count(store.find_folder("box", "Lists/python").key) == 3


def test_a_maildir_takes_the_mail_and_nothing_stays_here(make_box: MakeBox) -> None:
    box = make_box(3, 'deliver = "maildir:mail/box"')
    report = box.fetch(DELETE)
    assert (report.new, report.gone, box.subjects()) == (3, 3, [])
    there = box.directory / "mail/box"
    assert texts(there) == sorted(letter(f"m{n}").replace(b"\r\n", b"\n") for n in range(3))
    assert not list((there / "tmp").iterdir())
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (there / "new").iterdir())
    assert box.fetch().new == 0


def test_a_maildir_recognises_what_a_killed_run_has_delivered(make_box: MakeBox) -> None:
    box = make_box(5, 'deliver = "maildir:there"')
    killed(box)
    assert len(texts(box.directory / "there")) == 5 and len(box.drop.mail) == 5
    report = box.fetch(DELETE)
    assert (report.new, report.gone, box.drop.retrieved) == (0, 5, [])
    assert len(texts(box.directory / "there")) == 5


def test_a_place_that_is_no_maildir_is_left_alone(make_box: MakeBox) -> None:
    box = make_box(1, 'deliver = "maildir:there"')
    (box.directory / "there").mkdir()
    (box.directory / "there/thesis.tex").touch()
    with pytest.raises(CannotCreate, match="is not a Maildir, and not empty"):
        box.fetch(DELETE)
    assert len(box.drop.mail) == 1


@pytest.mark.parametrize("step", ["write", "fsync", "rename", "fsync directory"])
def test_a_full_disk_leaves_no_part_of_a_message_and_deletes_nothing(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    box = make_box(3, 'deliver = "maildir:there"')

    def full(name: str, path: str) -> None:
        if name == step and "/there" in path and not path.endswith("there"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    monkeypatch.setattr(disk, "failpoint", full)
    with pytest.raises(LocalIOError, match="No space left"):
        box.fetch(DELETE)
    assert not any(path.is_file() for path in (box.directory / "there").rglob("*"))
    monkeypatch.setattr(disk, "failpoint", None)
    assert len(box.drop.mail) == 3
    assert box.fetch(DELETE).gone == 3


# -- mbox ----------------------------------------------------------------------------------------


def read(box: Box) -> list[bytes]:
    """The messages of the mbox, as `import` reads them."""
    with (box.directory / "inbox").open("rb") as file:
        from mailcli.mime import mbox

        return list(mbox.split(file))


def test_an_mbox_grows_by_whole_messages_with_their_from_lines_quoted(make_box: MakeBox) -> None:
    mail = [Mail("a", letter("one", body="From here on\r\n>From there\r\n")), Mail("b", letter("two"))]
    box = make_box(mail, 'deliver = "mbox:inbox"')
    path = box.directory / "inbox"
    path.write_bytes(b"From old@example.org Mon Nov  2 10:00:00 2015\nSubject: old\n\nno end")
    assert box.fetch(DELETE).gone == 2
    old, one, two = read(box)
    assert old == b"Subject: old\n\nno end\n"
    assert (one, two) == tuple(m.data.replace(b"\r\n", b"\n") for m in mail)
    assert b"\n>From here on\n>>From there\n" in path.read_bytes()
    assert not Path(f"{path}.lock").exists()


def test_an_mbox_recognises_what_a_killed_run_has_delivered(make_box: MakeBox) -> None:
    box = make_box(5, 'deliver = "mbox:inbox"')
    killed(box)
    whole = (box.directory / "inbox").read_bytes()
    report = box.fetch(DELETE)
    assert (report.new, report.gone, box.drop.retrieved) == (0, 5, [])
    assert (box.directory / "inbox").read_bytes() == whole


@pytest.mark.parametrize("lost", [1, 100, 300, 700])
def test_half_a_message_at_the_end_of_an_mbox_is_taken_away(make_box: MakeBox, lost: int) -> None:
    box = make_box(5, 'deliver = "mbox:inbox"')
    killed(box)
    path = box.directory / "inbox"
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    assert 0 < box.fetch(DELETE).new < 5
    assert sorted(read(box)) == sorted(letter(f"m{n}").replace(b"\r\n", b"\n") for n in range(5))


def test_what_another_program_has_put_behind_it_is_not_taken_away(make_box: MakeBox) -> None:
    box = make_box(2, 'deliver = "mbox:inbox"')
    killed(box)
    path = box.directory / "inbox"
    path.write_bytes(
        path.read_bytes()[:-5] + b"\n\nFrom x Mon Nov  2 10:00:00 2015\nSubject: other\n\nhi\n\n"
    )
    box.fetch(DELETE)
    assert b"Subject: other\n\nhi\n" in read(box) and len(read(box)) == 4


def test_an_mbox_that_cannot_grow_is_cut_back_to_where_it_was(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = make_box(3, 'deliver = "mbox:inbox"')
    path = box.directory / "inbox"
    before = b"From old@example.org Mon Nov  2 10:00:00 2015\nSubject: old\n\nhello\n\n"
    path.write_bytes(before)

    def full(name: str, where: str) -> None:
        if name == "fsync" and where == str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk, "failpoint", full)
    with pytest.raises(LocalIOError, match=r"cannot deliver into .*inbox: No space left"):
        box.fetch(DELETE)
    assert path.read_bytes() == before and len(box.drop.mail) == 3
    monkeypatch.setattr(disk, "failpoint", None)
    assert box.fetch(DELETE).gone == 3 and len(read(box)) == 4


@pytest.mark.parametrize("way", ["dot", "fcntl"])
def test_an_mbox_held_by_another_program_is_waited_for_and_left(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("mailcli.sync.pop3.mbox._PATIENCE", 0.1)
    box = make_box(1, 'deliver = "mbox:inbox"')
    path = box.directory / "inbox"
    holder = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        if way == "dot":
            process.stdin.close()
            process.wait()
            Path(f"{path}.lock").touch()
        with pytest.raises(Locked, match="another program holds"):
            box.fetch(DELETE)
        if way == "fcntl":
            process.stdin.close()
    assert len(box.drop.mail) == 1
    Path(f"{path}.lock").touch()
    os.utime(f"{path}.lock", (1, 1))
    assert box.fetch(DELETE).gone == 1, "a lock that was left behind long ago counts for nothing"
    assert len(read(box)) == 1


def test_a_file_that_is_no_mbox_is_left_alone(make_box: MakeBox) -> None:
    box = make_box(1, 'deliver = "mbox:inbox"')
    (box.directory / "inbox").write_bytes(b"my thesis\n")
    with pytest.raises(LocalIOError, match="not an mbox"):
        box.fetch(DELETE)
    assert (box.directory / "inbox").read_bytes() == b"my thesis\n" and len(box.drop.mail) == 1


# -- pipe ----------------------------------------------------------------------------------------


def test_a_command_gets_each_message_on_its_stdin(make_box: MakeBox) -> None:
    box = make_box(3)
    box.set(f"deliver = \"pipe:cat >> '{box.directory}/all'; echo >> '{box.directory}/all'\"")
    report = box.fetch(DELETE)
    assert (report.new, report.gone) == (3, 3)
    expected = b"".join(letter(f"m{n}").replace(b"\r\n", b"\n") + b"\n" for n in range(3))
    assert (box.directory / "all").read_bytes() == expected


def test_a_command_does_not_see_the_password(make_box: MakeBox) -> None:
    box = make_box(1)
    box.set(f'password = {{ env = "PW" }}\ndeliver = "pipe:env > \'{box.directory}/environ\'"')
    program = Program(box.directory)
    program.run("fetch", environ={"PW": PASSWORD, "OTHER": "seen"}).good()
    told = (box.directory / "environ").read_text()
    assert "OTHER=seen" in told and PASSWORD not in told


def test_what_a_command_refuses_stays_on_the_server(make_box: MakeBox) -> None:
    box = make_box(3)
    box.set("deliver = 'pipe:if grep -q \"Subject: m1\"; then echo no such user >&2; exit 67; fi'")
    report = box.report(DELETE)
    assert isinstance(report.error, TryAgain) and "refused a message with 67: no such user" in str(
        report.error
    )
    assert (report.new, report.gone, [m.uidl for m in box.drop.mail]) == (2, 2, ["u1"])
    box.set('deliver = "pipe:cat >/dev/null"')
    assert box.fetch(DELETE).new == 1 and box.drop.mail == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("exit 75", "ended with 75"),
        ("/no/such/program", "ended with 127: .*not found"),
        ("kill -9 $$", "was ended by signal 9"),
    ],
)
def test_a_command_that_fails_for_now_ends_the_run(make_box: MakeBox, command: str, told: str) -> None:
    box = make_box(3, f"deliver = 'pipe:{command}'")
    with pytest.raises(TryAgain, match=told):
        box.fetch(DELETE)
    assert len(box.drop.mail) == 3 and "delivered" not in box.states().values()


def test_a_command_that_hangs_is_ended_with_its_children(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailcli.sync.pop3.pipe.LIMIT", 0.2)
    box = make_box(1, "deliver = 'pipe:sleep 60 | sleep 60'")
    with pytest.raises(
        TryAgain, match=r"the command 'sleep 60 \| sleep 60': .* took longer than 0\.2 seconds"
    ):
        box.fetch(DELETE)
    assert len(box.drop.mail) == 1


def test_a_command_lasts_no_longer_than_the_run(make_box: MakeBox) -> None:
    box = make_box(1, "deliver = 'pipe:sleep 5'")
    with pytest.raises(TryAgain, match="the deadline of this run passed"):
        box.fetch(DELETE._replace(deadline=1.0))
    assert len(box.drop.mail) == 1


def test_an_interrupted_run_ends_its_command(make_box: MakeBox) -> None:
    box = make_box(3)
    here = box.directory
    box.set(f"deliver = \"pipe:echo $$ > '{here}/new'; mv '{here}/new' '{here}/pid'; exec sleep 30\"")
    with Program(box.directory).start("fetch") as process:
        wait_until((box.directory / "pid").exists)
        process.send_signal(signal.SIGINT)
        finish(process).interrupted()
    with pytest.raises(ProcessLookupError):
        os.kill(int((box.directory / "pid").read_text()), 0)
    assert len(box.drop.mail) == 3


def test_killed_between_a_pipe_and_its_record_one_message_comes_twice_and_no_other(make_box: MakeBox) -> None:
    box = make_box(4)
    box.set(f"deliver = \"pipe:cat >> '{box.directory}/all'\"")
    killed(box)
    assert box.fetch(DELETE).new == 4
    told = (box.directory / "all").read_bytes()
    assert [told.count(b"Subject: m%d\n" % n) for n in range(4)] == [2, 1, 1, 1]


@pytest.mark.parametrize("deliver", ["maildir", "mbox:", "nowhere:x", "pipe: "])
def test_a_destination_that_is_none_is_a_fault_of_the_configuration(make_box: MakeBox, deliver: str) -> None:
    box = make_box(1, f'deliver = "{deliver}"')
    with pytest.raises(ConfigError, match=r"line 9: accounts\.box\.pop3\.deliver: .* is no destination"):
        box.fetch()
