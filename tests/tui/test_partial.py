"""The reader with messages whose bodies are on the server only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest, fetch
from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml
from tests.support.proxy import Cut, Proxy
from tests.tui.conftest import letter
from tests.tui.terminal import Terminal

Open = Callable[..., Terminal]


def with_headers(directory: Path, dovecot: Dovecot, count: int = 3) -> Path:
    """A profile that has the headers of so many letters; its configuration."""
    user, password = dovecot.user()
    # a signature is in no preview: it shows only where the message is open
    mails = [letter(n, body=f"body of letter {n}\n-- \nsigned {n}") for n in range(count)]
    dovecot.fill(user, [mail.replace(b"\r\n", b"\n") for mail in mails])
    path = account_toml(directory, dovecot, user, password, incoming='mode = "headers"')
    ctx = Context.open(profile=directory, environ={"HOME": str(directory)})
    (report,) = fetch(ctx, FetchRequest())
    ctx.close()
    assert (report.error, report.new) == (None, count)
    return path


def through(path: Path, dovecot: Dovecot, proxy: Proxy) -> None:
    path.write_text(path.read_text().replace(f"port = {dovecot.imaps}", f"port = {proxy.port}"))


def test_the_header_shows_at_once_and_the_text_when_it_has_come(
    tmp_path: Path, dovecot: Dovecot, open_terminal: Open
) -> None:
    path = with_headers(tmp_path, dovecot)
    proxy = Proxy(dovecot.imaps)  # it listens, and passes nothing on yet
    through(path, dovecot, proxy)
    terminal = open_terminal(tmp_path)
    terminal.until("letter 2")
    terminal.keys("\r")
    terminal.until("fetching the body", "Subject  letter 2")
    terminal.keys("J")  # keys are not waited for
    terminal.until("Subject  letter 1")
    with proxy:
        terminal.until("signed 1")
        terminal.keys("j")  # and what came for the one left behind is not shown
        terminal.until(lambda screen: "letter 2  body of letter 2" in screen)
        assert b"signed 2" not in terminal.raw
        terminal.keys("qq")
        assert terminal.wait() == 0


def test_a_server_that_is_away_leaves_the_header_and_says_why(
    tmp_path: Path, dovecot: Dovecot, open_terminal: Open
) -> None:
    path = with_headers(tmp_path, dovecot)
    with Proxy(dovecot.imaps, cut=Cut("client", 1, "rst")) as proxy:
        through(path, dovecot, proxy)
        terminal = open_terminal(tmp_path)
        terminal.until("letter 2")
        terminal.keys("\r")
        terminal.until("only on the server", "Subject  letter 2")
        terminal.keys("qq")
        assert terminal.wait() == 0
