"""Transcripts: legible, and without a secret whatever either side says."""

from __future__ import annotations

import base64
import stat
import zlib
from pathlib import Path
from string import ascii_letters, digits

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailcli.errors import CannotCreate
from mailcli.model.account import Protocol
from mailcli.net.trace import Trace, Transcript


def b64(text: str | bytes) -> bytes:
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


class Log:
    """A transcript in a file, and the lines of it without time and number."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.path = path
        self.transcript = Transcript.create(path)

    def connection(self, protocol: Protocol) -> Trace:
        return self.transcript.connection("h:1", protocol)

    def lines(self) -> list[str]:
        return [line.split("] ", 1)[1] for line in self.path.read_text().splitlines()][1:]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def test_it_is_for_the_owner_s_eyes_and_is_appended_to(tmp_path: Path) -> None:
    for _ in range(2):
        transcript = Transcript.create(tmp_path / "log")
        transcript.connection("imap.example.org:993", Protocol.IMAP)
        transcript.close()
    text = (tmp_path / "log").read_text()
    assert text.count("[1] -- imap imap.example.org:993\n") == 2
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    with pytest.raises(CannotCreate):
        Transcript.create(tmp_path / "missing" / "log")


def test_imap_commands_are_shown_and_credentials_and_literals_are_not(log: Log) -> None:
    trace = log.connection(Protocol.IMAP)
    trace.sent(b'A1 LOGIN alice "se\\"cret"\r\n')
    trace.received(b"A1 NO wrong\r\n")
    trace.sent(b"A2 LOGIN {5}\r\n")
    trace.sent(b"alice {6}\r\n")
    trace.sent(b"secret\r\nA3 SELECT INBOX\r\n")
    trace.received(b"A2 OK\r\n* 1 FETCH (BODY[] {5}\r\nhello)\r\n")
    trace.sent(b"A4 AUTHENTICATE PLAIN c2VjcmV0\r\nc2VjcmV0\r\n*\r\n")
    trace.received(b"+ Y2hhbGxlbmdl\r\nA4 NO\r\n")
    trace.sent(b"DONE\r\nA5 APPEND INBOX {3+}\r\nabc\r\nA6 NOOP\r\n")
    assert log.lines() == [
        "C: A1 LOGIN [hidden]",
        "S: A1 NO wrong",
        "C: A2 LOGIN [hidden]",
        "C: [4 octets hidden]",
        "C: [0 octets hidden]",
        "C: A3 SELECT INBOX",
        "S: A2 OK",
        "S: * 1 FETCH (BODY[] {5}",
        "S: )",
        "C: A4 AUTHENTICATE PLAIN [hidden]",
        "C: [8 octets hidden]",
        "C: *",
        "S: + [hidden]",
        "S: A4 NO",
        "C: DONE",
        "C: A5 APPEND INBOX {3+}",
        "C: ",
        "C: A6 NOOP",
    ]


def test_smtp_shows_the_envelope_and_counts_the_message(log: Log) -> None:
    trace = log.connection(Protocol.SMTP)
    trace.sent(b"EHLO me\r\nAUTH PLAIN AHMAcw==\r\nAUTH LOGIN\r\n")
    trace.received(b"334 VXNlcm5hbWU6\r\n")
    trace.sent(b"c2VjcmV0\r\n")
    trace.received(b"235 ok\r\n")
    trace.sent(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
    trace.received(b"250 ok\r\n250 ok\r\n354 go\r\n")
    trace.sent(b"Subject: private\r\n\r\n..dot\r\n.\r\nQUIT\r\n")
    trace.sent(b"BDAT 3 LAST\r\nabcNOOP\r\n")
    assert log.lines() == [
        "C: EHLO me",
        "C: AUTH PLAIN [hidden]",
        "C: AUTH LOGIN [hidden]",
        "S: 334 [hidden]",
        "C: [8 octets hidden]",
        "S: 235 ok",
        "C: MAIL FROM:<a@b>",
        "C: RCPT TO:<c@d>",
        "C: DATA",
        "S: 250 ok",
        "S: 250 ok",
        "S: 354 go",
        "C: [message, 27 octets]",
        "C: QUIT",
        "C: BDAT 3 LAST",
        "C: NOOP",
    ]


def test_pop3_counts_messages_and_shows_lists(log: Log) -> None:
    trace = log.connection(Protocol.POP3)
    trace.received(b"+OK ready\r\n")
    trace.sent(b"USER alice\r\nPASS secret\r\nUIDL\r\nRETR 1\r\nDELE 1\r\n")
    trace.received(b"+OK\r\n+OK\r\n+OK\r\n1 abc\r\n.\r\n+OK\r\n+OK private\r\n..\r\n.\r\n+OK deleted\r\n")
    assert log.lines() == [
        "S: +OK ready",
        "C: USER alice",
        "C: PASS [hidden]",
        "C: UIDL",
        "C: RETR 1",
        "C: DELE 1",
        "S: +OK",
        "S: +OK",
        "S: +OK",
        "S: 1 abc",
        "S: .",
        "S: +OK",
        "S: [message, 17 octets]",
        "S: .",
        "S: +OK deleted",
    ]


def test_what_is_compressed_is_shown_inflated(log: Log) -> None:
    trace = log.connection(Protocol.IMAP)
    server = zlib.compressobj(wbits=-15)
    client = zlib.compressobj(wbits=-15)
    trace.sent(b"A1 COMPRESS DEFLATE\r\n")
    squeezed = server.compress(b"* OK inside\r\n") + server.flush(zlib.Z_SYNC_FLUSH)
    trace.received(b"A1 OK go\r\n" + squeezed[:4])
    trace.received(squeezed[4:])
    trace.sent(client.compress(b"A2 NOOP\r\n") + client.flush(zlib.Z_SYNC_FLUSH))
    assert log.lines()[2:] == ["S: * OK inside", "C: A2 NOOP"]


def test_long_lines_are_counted_and_controls_are_harmless(log: Log) -> None:
    trace = log.connection(Protocol.IMAP)
    trace.received(b"* " + b"x" * 200_000 + b"\r\n* OK \x1b[31mred\r\n")
    trace.received(b"")
    trace.received(b"* half")
    trace.close()
    assert log.lines() == [
        "S: [a line of 200003 octets]",
        "S: * OK \ufffd[31mred",
        "-- the server closed the connection",
        "S: [6 octets without a line end]",
        "-- closed",
    ]


def test_an_echoed_secret_is_masked_in_every_spelling(log: Log) -> None:
    trace = log.connection(Protocol.SMTP)
    trace.hide('pa"ss wörd')
    for echo in (
        'pa"ss wörd'.encode(),
        'pa"ss wörd'.encode("latin-1"),
        b'pa\\"ss w\xc3\xb6rd',
        b64('pa"ss wörd'),
        b64('\0alice\0pa"ss wörd'),
        b64('user=a\1auth=Bearer pa"ss wörd\1\1'),
    ):
        trace.received(b"535 no: " + echo + b"\r\n")
    assert all("[hidden]" in line for line in log.lines())
    assert "rd" not in log.path.read_text()


SECRETS = st.text(ascii_letters + digits + "!$%&()=+/,;:_-#*?äß€", min_size=4, max_size=30).map("Zq".__add__)
CLIENT = {
    Protocol.IMAP: [
        lambda u, p: b'A1 LOGIN %s "%s"\r\n' % (u, p),
        lambda u, p: b"A1 LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % (len(u), u, len(p), p),
        lambda u, p: b"A1 AUTHENTICATE PLAIN %s\r\n" % b64(b"\0%s\0%s" % (u, p)),
        lambda u, p: b"A1 AUTHENTICATE LOGIN\r\n%s\r\n%s\r\n" % (b64(u), b64(p)),
        lambda u, p: b"A1 AUTHENTICATE XOAUTH2 %s\r\n" % b64(b"user=%s\1auth=Bearer %s\1\1" % (u, p)),
    ],
    Protocol.SMTP: [
        lambda u, p: b"AUTH PLAIN %s\r\n" % b64(b"\0%s\0%s" % (u, p)),
        lambda u, p: b"AUTH PLAIN\r\n%s\r\n" % b64(b"\0%s\0%s" % (u, p)),
        lambda u, p: b"AUTH LOGIN\r\n%s\r\n%s\r\n" % (b64(u), b64(p)),
    ],
    Protocol.POP3: [
        lambda u, p: b"USER %s\r\nPASS %s\r\n" % (u, p),
        lambda u, p: b"AUTH PLAIN\r\n%s\r\n" % b64(b"\0%s\0%s" % (u, p)),
    ],
}
SERVER = st.lists(
    st.sampled_from(
        [
            b"+ \r\n",
            b"334 \r\n",
            b"354 go\r\n",
            b"235 ok\r\n",
            b"A1 OK\r\n",
            b"A1 NO\r\n",
            b"+OK\r\n",
            b"* OK {9}\r\n",
        ]
    ),
    max_size=4,
)


@given(
    protocol=st.sampled_from(list(CLIENT)),
    way=st.integers(0, 4),
    secret=SECRETS,
    before=SERVER,
    between=SERVER,
    cuts=st.lists(st.integers(1, 60), max_size=5),
    mask=st.booleans(),
)
@example(Protocol.SMTP, 2, "hunter22", [b"334 \r\n"], [b"334 \r\n", b"235 ok\r\n"], [1], False)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_secret_ever_reaches_the_log(
    tmp_path: Path,
    protocol: Protocol,
    way: int,
    secret: str,
    before: list[bytes],
    between: list[bytes],
    cuts: list[int],
    mask: bool,
) -> None:
    log = Log(tmp_path / "log")
    trace = log.connection(protocol)
    if mask:
        trace.hide(secret)
    said = CLIENT[protocol][way % len(CLIENT[protocol])](b"alice", secret.encode())
    for line in before:
        trace.received(line)
    for cut in cuts:
        trace.sent(said[:cut])
        said = said[cut:]
        for line in between:
            trace.received(line)
    trace.sent(said)
    if mask:
        trace.received(
            b"* NO you said " + secret.encode() + b" and " + b64(b"\0alice\0" + secret.encode()) + b"\r\n"
        )
    trace.close()
    log.transcript.close()
    text = log.path.read_bytes()
    assert secret.encode() not in text
    for shift in range(3):
        inner = b64(b"\0" * shift + secret.encode())[4:-4]
        assert len(inner) < 6 or inner not in text
    assert log.path.stat().st_size
