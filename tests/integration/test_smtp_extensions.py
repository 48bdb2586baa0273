"""Service extensions from the command line to the wire. Postfix where it has them; a scripted server where
no server on this machine does."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.app import outbox, sending
from mailcli.app.context import Context
from mailcli.app.preparing import SendRequest, prepare
from mailcli.app.sending import Delivery
from mailcli.model.draft import Sent
from mailcli.model.wishes import Wishes
from tests.integration.conftest import Profile
from tests.security.scripted import Smtp, account
from tests.support.peers import read_line
from tests.support.postfix import Postfix
from tests.support.program import Program
from tests.support.proxy import Proxy

FULL = (
    *Smtp.extensions,
    b"DSN",
    b"MT-PRIORITY",
    b"DELIVERBY 60",
    b"FUTURERELEASE 864000 2100-01-01T00:00:00Z",
)


class Offering(Smtp):
    extensions = FULL


class Small(Smtp):
    extensions = tuple(b"SIZE 5000" if word.startswith(b"SIZE") else word for word in FULL)


class Limited(Smtp):
    extensions = (*Smtp.extensions, b"LIMITS RCPTMAX=2 MAILMAX=9")


def said(server: Smtp, verb: bytes) -> list[bytes]:
    return [line.strip() for line in server.heard if line.upper().startswith(verb)]


OPTIONS = [
    (("--dsn", "success,failure"), b"RCPT", b"NOTIFY=SUCCESS,FAILURE"),
    (("--dsn-return", "hdrs"), b"MAIL", b"RET=HDRS"),
    (("--envelope-id", "job 7"), b"MAIL", b"ENVID=job+207"),
    (("--priority", "4"), b"MAIL", b"MT-PRIORITY=4"),
    (("--priority", "-3"), b"MAIL", b"MT-PRIORITY=-3"),
    (("--priority=-9",), b"MAIL", b"MT-PRIORITY=-9"),
    (("--deliver-by", "+2h", "--if-late", "notify"), b"MAIL", b"BY="),
]


@pytest.mark.parametrize(("words", "verb", "parameter"), OPTIONS)
def test_what_is_asked_for_reaches_the_server(
    tmp_path: Path, words: tuple[str, ...], verb: bytes, parameter: bytes
) -> None:
    with Offering() as server:
        program = account(tmp_path, smtp=server.port)
        program.run("send", "-s", "x", *words, "a@b.example", text="x\n").good()
        (line,) = said(server, verb)
        assert parameter in line


@pytest.mark.parametrize("words", [words for words, _, _ in OPTIONS] + [("--require-tls",)])
def test_what_is_not_offered_fails_before_anything_is_sent(tmp_path: Path, words: tuple[str, ...]) -> None:
    with Smtp() as server:
        program = account(tmp_path, smtp=server.port)
        program.run("send", "-s", "x", *words, "a@b.example", text="x\n").failed(65)
        assert not said(server, b"MAIL") and not server.taken


def test_sendmail_asks_for_reports(tmp_path: Path) -> None:
    with Offering() as server:
        program = account(tmp_path, smtp=server.port)
        words = ("-N", "never", "-R", "full", "-V", "id1", "a@b.example")
        program.run("sendmail", *words, text="Subject: x\n\nx\n").good()
        assert b"RET=FULL ENVID=id1" in said(server, b"MAIL")[0]
        assert b"NOTIFY=NEVER" in said(server, b"RCPT")[0]


def test_sendmail_keeps_the_message_for_those_who_were_deferred(tmp_path: Path) -> None:
    with Smtp({"RCPT": lambda s, t, rest: b"450 later\r\n" if b"later" in rest else None}) as server:
        program = account(tmp_path, smtp=server.port)
        done = program.run("sendmail", "now@b.example", "later@b.example", text="Subject: x\n\nx\n")
        assert done.code == 0 and "in the outbox" in done.err
        assert len(server.taken) == 1
        server.says = {}
        assert program.run("outbox", "run").code == 0
        assert len(server.taken) == 2
        assert said(server, b"RCPT")[-1] == b"RCPT TO:<later@b.example>"


def test_what_is_asked_for_waits_with_the_message(tmp_path: Path) -> None:
    with Offering() as server:
        program = account(tmp_path, smtp=server.port)
        words = ("--queue", "--offline", "--dsn", "never", "a@b.example")
        assert program.run("send", "-s", "x", *words, text="x\n").code == 0
        assert server.heard == []
        assert program.run("outbox", "run").code == 0
        assert b"NOTIFY=NEVER" in said(server, b"RCPT")[0]


def test_a_server_that_keeps_messages_for_later_is_given_one_now(tmp_path: Path) -> None:
    with Offering() as server:
        program = account(tmp_path, smtp=server.port)
        done = program.run("send", "-s", "x", "--at", "+2h", "a@b.example", text="x\n")
        assert done.code == 0 and "cannot be recalled" in done.err
        assert re.search(rb"HOLDUNTIL=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", said(server, b"MAIL")[0])
        assert len(server.taken) == 1
        assert program.run("outbox", "list").out == ""


@pytest.mark.parametrize(("kind", "when"), [(Smtp, "+2h"), (Offering, "+3w")])
def test_what_the_server_does_not_keep_waits_here(tmp_path: Path, kind: type[Smtp], when: str) -> None:
    with kind() as server:
        program = account(tmp_path, smtp=server.port)
        done = program.run("send", "-s", "x", "--at", when, "a@b.example", text="x\n")
        assert done.code == 0 and "outbox run" in done.err
        assert not server.taken and not said(server, b"MAIL")
        assert len(program.run("outbox", "list").out.splitlines()) == 1


@pytest.mark.parametrize(
    ("says", "words", "code"),
    [
        ({"AUTH": b"535 5.7.8 no\r\n"}, (), 77),
        ({"greeting": b"554 go away\r\n"}, (), 69),
        ({"EHLO": b"+OK ready\r\n"}, (), 76),
        ({"MAIL": b"550 5.7.1 not you\r\n"}, (), 65),
        ({"RCPT": b"550 5.1.1 unknown\r\n"}, (), 67),
        ({}, ("--require-tls",), 65),
        ({}, ("-H", f"X-Long: {'x ' * 3000}"), 65),
        ({"greeting": b"421 busy\r\n"}, (), 0),
        ({"EHLO": b"421 busy\r\n"}, (), 0),
        ({"AUTH": b"454 4.7.0 not now\r\n"}, (), 0),
        ({"MAIL": b"451 4.3.0 not now\r\n"}, (), 0),
        ({"RCPT": b"450 4.2.0 not now\r\n"}, (), 0),
        ({"DATA": b"421 busy\r\n"}, (), 0),
    ],
)
def test_only_what_passes_leaves_a_message_for_later_in_the_outbox(
    tmp_path: Path, says: dict[str, bytes], words: tuple[str, ...], code: int
) -> None:
    with Small(says) as server:
        program = account(tmp_path, smtp=server.port)
        done = program.run("send", "-s", "x", "--at", "+2h", *words, "a@b.example", text="x\n")
        assert done.code == code, done
        assert len(program.run("outbox", "list").out.splitlines()) == (code == 0)
        assert server.taken == []


def test_a_message_for_later_waits_here_while_no_server_listens(tmp_path: Path) -> None:
    with Offering() as server:
        program = account(tmp_path, smtp=server.port)
    assert program.run("send", "-s", "x", "--at", "+2h", "a@b.example", text="x\n").code == 0
    assert len(program.run("outbox", "list").out.splitlines()) == 1


class SevenBit(Smtp):
    extensions = tuple(word for word in Smtp.extensions if word != b"8BITMIME")


@pytest.mark.parametrize("way", [(), ("--queue",), ("--queue", "--offline")])
def test_what_we_compose_is_encoded_for_a_server_without_8bitmime(
    tmp_path: Path, way: tuple[str, ...]
) -> None:
    for kind, octets in ((SevenBit, b"Gr=C3=BC=C3=9Fe"), (Smtp, "Grüße".encode())):
        with kind() as server:
            program = account(tmp_path / kind.__name__, smtp=server.port)
            assert program.run("send", *way, "-s", "x", "a@b.example", text="Grüße\n").code == 0
            program.run("outbox", "run", "-q").good()
            assert octets in server.taken[0]
            assert (b"BODY=8BITMIME" in said(server, b"MAIL")[0]) == (kind is Smtp)


def test_a_whole_message_goes_as_it_is_to_a_server_without_8bitmime(tmp_path: Path) -> None:
    with SevenBit() as server:
        program = account(tmp_path, smtp=server.port)
        program.run("send", "--raw", "a@b.example", text="Subject: x\n\nGrüße\n").good()
        assert server.taken[0].endswith("\r\n\r\nGrüße\r\n.\r\n".encode())
        assert b"BODY" not in said(server, b"MAIL")[0]


class Binary(Smtp):
    """Takes chunks."""

    extensions = (*Smtp.extensions, b"CHUNKING", b"BINARYMIME")

    def converse(self, connection: socket.socket) -> None:
        self.greet(connection)
        while True:
            line = read_line(connection)
            self.heard.append(line)
            verb, _, arguments = line.strip().partition(b" ")
            if verb == b"BDAT":
                size = int(arguments.split()[0])
                data = b""
                while len(data) < size:
                    data += connection.recv(size - len(data))
                self.taken.append(data)
            connection.sendall(self._honest(verb.decode()))
            if verb == b"QUIT":
                return


RAW = b"Subject: x\nFrom: a@b.example\nContent-Type: image/png\nContent-Transfer-Encoding: binary\n\n"
OCTETS = b"\x89PNG\r\n\x1a\n\0\0\rx\n.\n\xff"


def test_octets_that_are_no_text_go_by_bdat_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(RAW + OCTETS)
    with Binary() as server:
        program = account(tmp_path / "p", smtp=server.port)
        program.run("send", "--raw", "-F", str(tmp_path / "m"), "a@b.example").good()
        for _ in range(2):
            raw = ("--raw", "-F", str(tmp_path / "m"), "a@b.example")
            program.run("--offline", "send", "-q", "--queue", *raw).good()
        program.run("outbox", "run", "-q").good()
        assert len(said(server, b"MAIL")) == len(server.taken) == 3
        assert all(b"BODY=BINARYMIME" in line for line in said(server, b"MAIL"))
        for taken in server.taken:
            assert taken.endswith(b"\r\n\r\n" + OCTETS)
            assert b"Content-Type: image/png\r\n" in taken and b"Message-ID" in taken


@pytest.mark.parametrize("way", [(), ("--queue",)])
def test_octets_that_are_no_text_need_a_server_that_says_so(tmp_path: Path, way: tuple[str, ...]) -> None:
    (tmp_path / "m").write_bytes(RAW + OCTETS)
    with Offering() as server:
        program = account(tmp_path / "p", smtp=server.port)
        done = program.run("send", *way, "--raw", "-F", str(tmp_path / "m"), "a@b.example")
        assert done.code == 65 and "does not offer messages that are no text" in done.err
        assert not said(server, b"MAIL")
        # of the many that say binary and are text nothing is asked
        (tmp_path / "m").write_bytes(RAW + b"text\n")
        program.run("send", "--raw", "-F", str(tmp_path / "m"), "a@b.example").good()
        assert server.taken[0].endswith(b"\r\n\r\ntext\r\n.\r\n")


MANY = [f"r{n}@b.example" for n in range(5)]


def test_a_long_list_of_recipients_goes_in_as_many_messages_as_the_server_wants(tmp_path: Path) -> None:
    with Limited() as server:
        program = account(tmp_path, smtp=server.port)
        program.run("send", "-s", "x", *MANY, text="x\n").good()
        assert len(server.taken) == 3
        assert len(set(server.taken)) == 1
        # asked for all of them before the first message, since nobody gets it unless all do
        assert [line.split()[0] for line in server.heard].index(b"DATA") > 9


def test_nobody_gets_it_when_one_of_a_later_part_is_refused(tmp_path: Path) -> None:
    with Limited({"RCPT": lambda s, t, rest: b"550 no\r\n" if b"r4" in rest else None}) as server:
        program = account(tmp_path, smtp=server.port)
        program.run("send", "-s", "x", *MANY, text="x\n").failed(67, "r4@b.example")
        assert server.taken == []
        done = program.run("send", "-s", "x", "--partial", "deliver", *MANY, text="x\n")
        assert done.code == 1
        assert len(server.taken) == 2


def test_a_connection_carries_no_more_messages_than_the_server_wants(tmp_path: Path) -> None:
    class OneEach(Smtp):
        extensions = (*Smtp.extensions, b"LIMITS MAILMAX=1")

    with OneEach() as server:
        program = account(tmp_path, smtp=server.port)
        for n in range(3):
            program.run("send", "--queue", "--offline", "-s", str(n), "a@b.example", text="x\n")
        assert program.run("outbox", "run").code == 0
        assert len(server.taken) == 3
        assert len(said(server, b"EHLO")) == 3


# -- Postfix


def one(profile: Profile, text: str = "x\n", to: str = "") -> tuple[str, Sent]:
    address = to or profile.server.address(profile.user)
    prepared = prepare(profile.ctx, SendRequest(to=[address], subject="s", text=text))
    return prepared.message_id, sending.deliver(profile.ctx, prepared, Delivery())


@pytest.fixture
def chunking(make_profile: Callable[..., Profile], postfix: Postfix) -> Callable[..., Profile]:
    def make(port: int) -> Profile:
        profile = make_profile(postfix=postfix, smtp_port=port, settings="save_sent = false")
        with (profile.directory / "config.toml").open("a") as file:
            file.write("chunking = true\n")
        profile.ctx = profile.open()
        return profile

    return make


def test_a_chunk_saves_a_turn(chunking: Callable[..., Profile], postfix: Postfix) -> None:
    with Proxy(postfix.submissions) as proxy:
        profile = chunking(proxy.port)
        message_id, sent = one(profile, ".\n..\nlast")
        (traffic,) = proxy.take(1)
        assert [o.outcome for o in sent.recipients] == ["sent"] and sent.queue_id
        postfix.wait_delivered(message_id)
        assert traffic.turns in (5, 6)  # TLS's own good-bye


def test_what_looks_like_a_command_does_not_go_before_its_recipient_is_accepted(
    chunking: Callable[..., Profile], postfix: Postfix, tmp_path: Path
) -> None:
    profile = chunking(postfix.submissions)
    for number, (text, command) in enumerate(
        [("plain\n", "BDAT"), ("a\nRCPT TO:<evil@e.test>\n", "DATA"), ("a\n mail from:<x>\n", "DATA")]
    ):
        transcript = tmp_path / f"transcript-{number}"
        profile.ctx = Context.open(
            profile=profile.directory, transcript=transcript, environ={"HOME": "/nonexistent"}
        )
        message_id, _ = one(profile, text)
        profile.ctx.close()
        postfix.wait_delivered(message_id)
        words = re.findall(r"\b(?:DATA|BDAT)\b", transcript.read_text())
        assert words[0] == command


def test_a_chunk_for_a_refused_recipient_is_told_as_it_was(
    chunking: Callable[..., Profile], postfix: Postfix
) -> None:
    profile = chunking(postfix.submissions)
    message_id, sent = one(profile, to="no@reject.test")
    assert [(o.outcome, o.code) for o in sent.recipients] == [("rejected", 550)] and sent.stage == "recipient"
    message_id, sent = one(profile, to="no@defer.test")
    assert [(o.outcome, o.code) for o in sent.recipients] == [("deferred", 450)]
    assert message_id not in {e.message_id for e in postfix.accepted()}
    assert outbox.listed(profile.ctx) == []


def test_postfix_reports_a_delivery_when_asked(sending_profile: Profile, postfix: Postfix) -> None:
    profile = sending_profile
    address = profile.server.address(profile.user)
    prepared = prepare(profile.ctx, SendRequest(to=[address], subject="s", text="x\n"))
    wishes = Wishes(notify=("success",), returns="hdrs", envelope_id="job=1")
    sending.deliver(profile.ctx, prepared, Delivery(wishes=wishes))
    postfix.wait_delivered(prepared.message_id)


@pytest.fixture
def sending_profile(make_profile: Callable[..., Profile], postfix: Postfix) -> Profile:
    return make_profile(postfix=postfix)


def test_tls_required_is_refused_by_a_server_that_does_not_pass_it_on(
    sending_profile: Profile, tmp_path: Path
) -> None:
    program = Program(sending_profile.directory)
    done = program.run("send", "-s", "x", "--require-tls", "a@b.example", text="x\n")
    done.failed(65, "REQUIRETLS")
