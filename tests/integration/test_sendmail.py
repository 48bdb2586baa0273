"""`mailcli sendmail` as programs call it."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.integration.conftest import Profile
from tests.support.postfix import Accepted, Postfix
from tests.support.program import ROOT, Done, Program, finish

ME = pwd.getpwuid(os.getuid()).pw_name


class Caller:
    """A profile, and a link named sendmail to mailcli that uses it."""

    def __init__(self, profile: Profile, postfix: Postfix) -> None:
        self.profile = profile
        self.postfix = postfix
        self.program = Program(profile.directory)
        self.address = profile.server.address(profile.user)
        self.path = profile.directory / "sendmail"
        self.path.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            "from mailcli.__main__ import main\nsys.exit(main())\n"
        )
        self.path.chmod(0o755)
        self.environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(profile.directory),
            "MAILCLI_PROFILE": str(profile.directory),
        }

    def __call__(self, *words: str, text: str = "Subject: s\n\nbody\n") -> Done:
        process = subprocess.Popen(
            [str(self.path), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ,
        )
        with process:
            return finish(process, text)

    def delivered(self, subject: str) -> tuple[Accepted, str]:
        """The message of this subject as it arrived in the caller's own mailbox."""
        self.profile.fetch()
        id = self.profile.id(subject)
        (row,) = self.profile.ctx.store.get([id])
        return self.postfix.wait_delivered(row.message_id), self.profile.ctx.store.open_bytes(id).decode()


@pytest.fixture
def caller(make_profile: Callable[..., Profile], postfix: Postfix) -> Caller:
    return Caller(make_profile(postfix=postfix, settings='full_name = "Test User"'), postfix)


def test_cron_writes_to_the_user_whose_job_it_was(caller: Caller) -> None:
    mail = f"From: root (Cron Daemon)\nTo: {ME}\nSubject: Cron <{ME}@host> job\n\n.\noutput\n"
    caller("-FCronDaemon", "-i", "-B8BITMIME", "-oem", ME, text=mail).good()
    _, text = caller.delivered(f"Cron <{ME}@host> job")
    assert text.endswith("\r\n\r\n.\r\noutput\r\n")


def test_another_bare_name_needs_an_alias(caller: Caller) -> None:
    caller("-i", "operator2").failed(67, "operator2", "aliases")
    config = caller.profile.directory / "config.toml"
    config.write_text(f'aliases = {{ operator2 = "{caller.address}" }}\n' + config.read_text())
    caller("-i", "operator2", text="Subject: aliased\n\nx\n").good()
    caller.delivered("aliased")


def test_recipients_of_the_line_and_of_the_header_are_united_and_bcc_goes(caller: Caller) -> None:
    text = f"From: {caller.address}\nTo: {caller.address}\nBcc: b@elsewhere.test\nSubject: united\n\nx\n"
    caller("-t", "-oi", "c@elsewhere.test", text=text).good()
    entry, got = caller.delivered("united")
    assert set(entry.recipients) == {caller.address, "b@elsewhere.test", "c@elsewhere.test"}
    assert "Bcc" not in got


def test_resent_fields_name_the_recipients_if_there_are_any(caller: Caller) -> None:
    text = f"From: a@b.test\nTo: x@reject.test\nResent-To: {caller.address}\nSubject: resent\n\nx\n"
    caller("-t", text=text).good()
    entry, _ = caller.delivered("resent")
    assert entry.recipients == (caller.address,)


@pytest.mark.parametrize("words", [["-i"], []])
def test_a_lone_dot_in_a_pipe_cuts_nothing_off(caller: Caller, words: list[str]) -> None:
    caller(*words, caller.address, text="Subject: whole\n\nbefore\n.\nafter\n").good()
    assert caller.delivered("whole")[1].endswith("before\r\n.\r\nafter\r\n")


def test_the_null_sender_and_the_name_reach_the_server(caller: Caller) -> None:
    caller("-f", "", "-F", "A Daemon", caller.address, text="Subject: null\n\nx\n").good()
    entry, text = caller.delivered("null")
    assert entry.sender == ""
    assert f"From: A Daemon <{caller.address}>" in text


def test_when_the_server_is_away_the_message_is_durable_and_the_caller_content(
    make_profile: Callable[..., Profile], postfix: Postfix
) -> None:
    caller = Caller(make_profile(postfix=postfix, smtp_port=1), postfix)
    done = caller("-i", caller.address)
    assert done.code == 0 and "outbox" in done.err
    listed = caller("-bp").good().out
    assert "queued" in listed and caller.address in listed


def test_a_refused_recipient_is_told(caller: Caller) -> None:
    caller("no@reject.test").failed(67, "no@reject.test")


def test_smtp_is_spoken_on_stdin_and_stdout(caller: Caller) -> None:
    mail = f"MAIL FROM:<{caller.address}> SIZE=10"
    lines = [
        *("EHLO me", "RCPT TO:<a@b.test>", mail, f"RCPT TO:<{caller.address}>", "DATA"),
        *("Subject: by smtp", "", "..dot", "."),
        *(mail, "RCPT TO:<no@reject.test>", "DATA", "Subject: x", "", "x", "."),
        *("NOOP", "NONSENSE", "QUIT", "MAIL FROM:<late@x.test>"),
    ]
    done = caller("-bs", text="".join(f"{line}\r\n" for line in lines)).good()
    codes = [int(line[:3]) for line in done.out.splitlines() if line[3:4] == " "]
    assert codes == [220, 250, 503, 250, 250, 354, 250, 250, 250, 354, 554, 250, 502, 221]
    assert caller.delivered("by smtp")[1].endswith("\r\n\r\n.dot\r\n")


def test_a_conversation_cut_off_in_the_message_sends_nothing(caller: Caller) -> None:
    talk = f"EHLO me\nMAIL FROM:<{caller.address}>\nRCPT TO:<{caller.address}>\nDATA\nSubject: cut\n\nhalf"
    before = len(caller.postfix.accepted())
    caller("-bs", text=talk).good()
    assert len(caller.postfix.accepted()) == before


# -- real callers ------------------------------------------------------------------------------


def called(caller: Caller, *words: str, text: str = "", **environ: str) -> None:
    done = subprocess.run(
        words,
        env={**caller.environ, **environ},
        cwd=caller.profile.directory,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )
    assert done.returncode == 0, done.stderr


def test_git_send_email_sends_a_patch_through_it(caller: Caller) -> None:
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", caller.address))
    }
    called(caller, "git", "init", "-q", "r")
    (caller.profile.directory / "r/f").write_text("one\n")
    called(caller, "git", "-C", "r", "add", "f")
    called(caller, "git", "-C", "r", "commit", "-qm", "Add f: größer", **who)
    called(
        caller,
        *("git", "-C", "r", "send-email", "--quiet", "--confirm=never", "--suppress-cc=all", "-1"),
        *("--from", caller.address, "--to", caller.address, "--sendmail-cmd", str(caller.path)),
        **who,
    )
    _, text = caller.delivered("[PATCH] Add f: größer")
    assert "+one" in text


def test_mailx_sends_through_it(caller: Caller) -> None:
    called(
        caller,
        *("s-nail", "-:/", "-S", f"mta={caller.path}", "-S", "sendwait", "-r", caller.address),
        *("-s", "by mailx", "-b", "b@elsewhere.test", caller.address),
        text="hello\n.\nafter\n",
    )
    entry, text = caller.delivered("by mailx")
    assert set(entry.recipients) == {caller.address, "b@elsewhere.test"}
    assert "hello" in text and "b@elsewhere.test" not in text


def test_mutt_sends_through_it(caller: Caller) -> None:
    settings = f'set sendmail="{caller.path}" from="{caller.address}" copy=no use_envelope_from=yes'
    called(
        caller,
        *("mutt", "-n", "-F", "/dev/null", "-e", settings, "-s", "by mutt", "--", caller.address),
        text="hello\n.\nafter\n",
    )
    _, text = caller.delivered("by mutt")
    assert text.endswith("hello\r\n.\r\nafter\r\n")


def below_the_trace(data: bytes) -> bytes:
    """A message as it was handed over: without the fields that servers put above it, and without what
    is added where it is missing."""
    header, _, body = data.partition(b"\n\n")
    fields = re.findall(rb"(?m)^\S.*(?:\n[ \t].*)*", header)
    traces = (
        b"received:",
        b"return-path:",
        b"delivered-to:",
        b"date:",
        b"resent-message-id:",
        b"resent-date:",
    )
    return b"\n".join(sorted(f for f in fields if not f.lower().startswith(traces))) + b"\n\n" + body


RAW = "From: {0}\nTo: {0}, Second <second@elsewhere.test>\nSubject: {1}\nMessage-ID: <{1}@x.test>\n"


@pytest.mark.parametrize(
    ("words", "extra", "body", "recipients"),
    [
        (["-t"], "", "plain\n", 2),
        (["-t", "-i"], "Bcc: hidden@elsewhere.test\n", "one\n..\n.two\n", 3),
        (["-t"], "Bcc: hidden@elsewhere.test,\n more@elsewhere.test\nX-After: kept\n", "x\n", 4),
        (["-i", "-f", "{0}", "--", "only@elsewhere.test"], "", "argument\n", 1),
        (
            ["-t", "-oi", "-f", "{0}"],
            'Cc: (comment) "A, B" <cc@elsewhere.test>\n',
            "no newline at the end",
            3,
        ),
        (["-t"], "Resent-From: {0}\nResent-To: again@elsewhere.test\n", "resent\n", 1),
    ],
)
def test_it_does_what_msmtp_does_with_what_both_accept(
    caller: Caller, words: list[str], extra: str, body: str, recipients: int
) -> None:
    """The same input through both: the same envelope, and the same octets below the trace."""
    server = caller.postfix
    rc = caller.profile.directory / "msmtprc"
    rc.touch(mode=0o600)
    password = (caller.profile.directory / "test.password").read_text().strip()
    rc.write_text(
        f"account default\nhost localhost\nport {server.submissions}\ntls on\ntls_starttls off\nauth plain\n"
        f"tls_trust_file {caller.profile.server.ca}\nuser {caller.profile.user}\npassword {password}\n"
        f"from {caller.address}\n"
    )
    given = [word.format(caller.address) for word in words]
    found = []
    for name, program in (("ours", [str(caller.path)]), ("msmtp", ["msmtp", "-C", str(rc)])):
        subject = f"{name}-{caller.profile.user}"
        text = RAW.format(caller.address, subject) + extra.format(caller.address) + "\n" + body
        called(caller, *program, *given, text=text)
        entry = server.wait_delivered(f"{subject}@x.test", recipients)
        arrived = [below_the_trace(data) for address in entry.recipients for data in server.abroad(address)]
        same = [data.replace(subject.encode(), b"S") for data in arrived if subject.encode() in data]
        found.append((entry.sender, sorted(entry.recipients), sorted(set(same))))
    assert found[0] == found[1]
