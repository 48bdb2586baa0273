"""Ways to a server beside TCP: a Unix socket and LMTP, a command, proxies; and our own certificate."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Profile, message
from tests.support import daemons
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix
from tests.support.program import Program
from tests.support.proxies import Http, Socks


def rewrite(profile: Profile, protocol: str, *lines: str) -> Program:
    """Replace a server's table."""
    path = profile.directory / "config.toml"
    before = path.read_text().split(f"[accounts.test.{protocol}]")[0]
    path.write_text(before + f"[accounts.test.{protocol}]\n" + "\n".join(lines) + "\n")
    return Program(profile.directory)


def more(profile: Profile, *lines: str) -> Program:
    """Add keys to the last table."""
    path = profile.directory / "config.toml"
    path.write_text(path.read_text() + "\n".join(lines) + "\n")
    return Program(profile.directory)


def outcomes(program: Program, *recipients: str, code: int = 0) -> dict[str, tuple[str, int]]:
    done = program.run("send", "--json", "-s", "s", "--partial", "deliver", *recipients, text="x\n")
    assert done.code == code, done
    return {row["email"]: (row["outcome"], row["code"]) for row in json.loads(done.out)["data"]}


def test_lmtp_over_a_socket_answers_for_each_recipient(sending: Profile, dovecot: Dovecot) -> None:
    socket = dovecot.directory / "run/lmtp"
    program = rewrite(sending, "smtp", 'protocol = "lmtp"', f'socket = "{socket}"')
    mine = dovecot.address(sending.user)
    other, _ = dovecot.user()
    assert outcomes(program, mine, dovecot.address(other)) == {
        mine: ("sent", 250),
        dovecot.address(other): ("sent", 250),
    }
    assert len(dovecot.messages(sending.user)) == len(dovecot.messages(other)) == 1


def test_a_mailbox_that_is_full_is_told_apart_after_the_dot(tmp_path: Path, sending: Profile) -> None:
    """Dovecot checks quota at RCPT already; so a server that says it after the dot, by LMTP's rules."""
    path = tmp_path / "lmtp"
    with _Lmtp(path, [b"250 2.0.0 kept", b"452 4.2.2 full", b"550 5.2.2 never"]) as server:
        program = rewrite(sending, "smtp", 'protocol = "lmtp"', f'socket = "{path}"')
        assert outcomes(program, "a@x.test", "b@x.test", "c@x.test", code=1) == {
            "a@x.test": ("sent", 250),
            "b@x.test": ("deferred", 452),
            "c@x.test": ("rejected", 550),
        }
        assert server.heard[0].startswith(b"LHLO ")


def test_a_socket_that_is_not_there_says_so(sending: Profile, tmp_path: Path) -> None:
    program = rewrite(sending, "smtp", f'socket = "{tmp_path}/nobody"')
    program.run("send", "-s", "s", "a@x.test", text="x\n").failed(75, f"{tmp_path}/nobody", "no such file")


def test_submission_by_a_command(sending: Profile, postfix: Postfix) -> None:
    command = f"/usr/sbin/sendmail -C {postfix.directory}/postfix -bs"
    program = rewrite(sending, "smtp", f'command = "{command}"')
    mine = sending.server.address(sending.user)
    assert outcomes(program, mine) == {mine: ("sent", 250)}


def test_a_command_that_fails_says_so_and_is_gone(sending: Profile) -> None:
    program = rewrite(sending, "smtp", 'command = "exit 3"')
    program.run("send", "-s", "s", "a@x.test", text="x\n").failed(75, "`exit 3`", "closed the connection")


def test_imap_by_a_command_that_signs_in_by_itself(imap: Profile, dovecot: Dovecot) -> None:
    dovecot.append(imap.user, "INBOX", message("through the tunnel"))
    program = rewrite(imap, "imap", f"command = '''{_imap(dovecot, imap.user)}'''")
    done = program.run("fetch")
    assert done.code == 0, done
    assert "through the tunnel" in program.run("list").out


def _imap(dovecot: Dovecot, user: str) -> str:
    # Run by root, imap refuses a stdout that is a socket, as inetd's would be; ssh has a pipe there.
    configuration = dovecot.directory / "etc/dovecot.conf"
    return f"USER={user} HOME={dovecot.directory}/mail/{user} doveadm -c {configuration} exec imap | cat"


@pytest.mark.parametrize("kind", [Socks, Http])
@pytest.mark.parametrize("user", ["", "ann"])
def test_mail_goes_and_comes_through_a_proxy_that_looks_up_names(
    make_profile: Callable[..., Profile], postfix: Postfix, kind: type[Socks | Http], user: str
) -> None:
    with kind(user, "pw") as proxy:
        profile = make_profile(postfix=postfix)
        path = profile.directory / "config.toml"
        scheme = "http" if kind is Http else "socks5"
        where = f"{user}@127.0.0.1" if user else "127.0.0.1"
        lines = [f'proxy = "{scheme}://{where}:{proxy.port}"']
        if user:
            (profile.directory / "proxy.password").touch(mode=0o600)
            (profile.directory / "proxy.password").write_text("pw\n")
            lines.append('proxy_password = { file = "proxy.password" }')
        both = "\n".join([*lines, "[accounts.test.smtp]"])
        path.write_text(path.read_text().replace("[accounts.test.smtp]", both))
        program = more(profile, *lines)
        mine = profile.server.address(profile.user)
        program.run("send", "-s", "through", mine, text="x\n").good()
        assert program.run("fetch", "-q").code == 0
        assert {host for host, _ in proxy.asked} == {"localhost"}
        assert {port for _, port in proxy.asked} == {postfix.submissions, profile.server.imaps}


@pytest.mark.parametrize(("kind", "scheme"), [(Socks, "socks5"), (Http, "http")])
def test_what_a_proxy_refuses_is_told(sending: Profile, kind: type[Socks | Http], scheme: str) -> None:
    with kind(refuse=True) as proxy:
        program = more(sending, f'proxy = "{scheme}://127.0.0.1:{proxy.port}"')
        done = program.run("send", "-s", "s", "a@x.test", text="x\n")
        done.failed(75, f"the proxy 127.0.0.1:{proxy.port} cannot connect")
    with kind("ann", "pw") as proxy:
        program = more(rest_of(sending), f'proxy = "{scheme}://127.0.0.1:{proxy.port}"')
        done = program.run("send", "-s", "s", "a@x.test", text="x\n")
        done.failed(77, "wants a user name and a password")
        assert proxy.asked == []
    other = "http" if scheme == "socks5" else "socks5"
    with kind() as proxy:
        program = more(rest_of(sending), f'proxy = "{other}://127.0.0.1:{proxy.port}"', "# wrong kind")
        assert program.run("send", "--deadline", "2", "-s", "s", "a@x.test", text="x\n").code in (75, 76)


def rest_of(profile: Profile) -> Profile:
    path = profile.directory / "config.toml"
    path.write_text("\n".join(x for x in path.read_text().splitlines() if not x.startswith("proxy")) + "\n")
    return profile


def test_cleartext_does_not_leave_by_a_proxy(sending: Profile) -> None:
    with Socks() as proxy:
        path = sending.directory / "config.toml"
        head, tail = path.read_text().rsplit('tls = "implicit"', 1)
        path.write_text(head + 'tls = "none"' + tail)
        program = more(sending, f'proxy = "socks5://127.0.0.1:{proxy.port}"')
        program.run("send", "-s", "s", "a@x.test", text="x\n").failed(78, "another machine")
        assert proxy.asked == []


def test_a_server_that_asks_for_a_certificate_is_shown_ours(certified: Dovecot, tmp_path: Path) -> None:
    user, _ = certified.user()
    certified.append(user, "INBOX", message("signed in by certificate"))
    cert, key = tmp_path / "own.pem", tmp_path / "own.key"
    import trustme

    authority = trustme.CA.from_pem(
        (certified.directory / "clients.pem").read_bytes(), (certified.directory / "clients.key").read_bytes()
    )
    leaf = authority.issue_cert(f"{user}@mail.test", common_name=user)
    cert.write_bytes(leaf.cert_chain_pems[0].bytes())
    leaf.private_key_pem.write_to_path(str(key))
    directory = tmp_path / "profile"
    directory.mkdir()
    path = directory / "config.toml"
    path.write_text(
        f'[accounts.test]\nemail = "{user}@mail.test"\nca_file = "{certified.ca}"\n'
        f'[accounts.test.imap]\nhost = "localhost"\nport = {certified.imaps}\nauth = "external"\n'
        f'client_cert = "{cert}"\nclient_key = "{key}"\n'
    )
    program = Program(directory)
    done = program.run("fetch")
    assert done.code == 0, done
    assert "signed in by certificate" in program.run("list").out
    key.write_bytes(authority.issue_cert("x@y.test").private_key_pem.bytes())
    program.run("fetch").failed(78, "own.pem", "another certificate")


@pytest.fixture
def certified() -> Iterator[Dovecot]:
    import trustme

    directory = daemons.work_directory("mailcli-certified-")
    clients = trustme.CA()
    for name, blob in (("clients.pem", clients.cert_pem), ("clients.key", clients.private_key_pem)):
        (directory / name).write_bytes(blob.bytes())
    (directory / "crl.pem").write_bytes(clients.cert_pem.bytes())
    extra = f"""
ssl_ca = <{directory}/clients.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
ssl_cert_username_field = commonName
auth_ssl_username_from_cert = yes
auth_mechanisms = $auth_mechanisms external
passdb {{
  driver = static
  mechanisms = external
  args = nopassword
}}
"""
    server = Dovecot(directory, extra=extra)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


class _Lmtp:
    """An LMTP server on a Unix socket that says after the dot what it is told to, one line for each
    recipient."""

    def __init__(self, path: Path, answers: list[bytes]) -> None:
        import socket
        import threading

        self.heard: list[bytes] = []
        self._answers = answers
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.fspath(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> _Lmtp:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, client.makefile("rwb") as file:
            file.write(b"220 here LMTP\r\n")
            file.flush()
            in_data = False
            for line in file:
                self.heard.append(line)
                if in_data and line == b".\r\n":
                    in_data = False
                    file.write(b"".join(a + b"\r\n" for a in self._answers))
                elif in_data:
                    continue
                elif line.startswith(b"DATA"):
                    in_data = True
                    file.write(b"354 go\r\n")
                elif line.startswith(b"LHLO"):
                    file.write(b"250-here\r\n250 PIPELINING\r\n")
                else:
                    file.write(b"250 ok\r\n")
                file.flush()


@pytest.mark.parametrize("auth", ["oauthbearer", "xoauth2"])
def test_a_token_comes_from_a_command(
    make_profile: Callable[..., Profile], postfix: Postfix, dovecot: Dovecot, auth: str
) -> None:
    profile = make_profile(postfix=postfix)
    good, expired = dovecot.token(profile.user), dovecot.token(profile.user, seconds=-60)
    program = more(profile, f'auth = "{auth}"', f"password = {{ command = 'echo {good}' }}")
    mine = profile.server.address(profile.user)
    assert outcomes(program, mine) == {mine: ("sent", 250)}
    path = profile.directory / "config.toml"
    path.write_text(path.read_text().replace(good, expired))
    program.run("send", "-s", "s", mine, text="x\n").failed(77, auth.upper(), "token")
