"""Adding, checking and removing accounts, and the doctor, against real servers."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.accounts.discovery import Discovery, Proposal
from mailcli.accounts.paths import paths
from mailcli.app import accounts, configuring, doctor
from mailcli.app.accounts import NewAccount, Server
from mailcli.app.context import Context
from mailcli.errors import AuthenticationFailed, CertificateRefused, ConfigError, NotFound, UsageError
from mailcli.model.account import Password, Protocol, SecretSpec, Tls
from tests.support.dovecot import Dovecot
from tests.support.peers import dead_port
from tests.support.postfix import Postfix

ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "PW": "from-the-environment"}


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    made = Context(paths(tmp_path / "profile", None, {}), environ=ENVIRON)
    made.said = []  # type: ignore[attr-defined]
    made.notice = made.said.append  # type: ignore[attr-defined]
    return made


def wanted(
    dovecot: Dovecot, name: str, password: Password | SecretSpec | None, **changes: object
) -> NewAccount:
    new = NewAccount(
        dovecot.address(name),
        incoming=Server(Protocol.IMAP, "localhost", dovecot.imaps),
        user=name,
        password=password,
        ca_file=dovecot.ca,
    )
    return new._replace(**changes)  # type: ignore[arg-type]


def test_an_account_is_added_after_its_logins_worked(
    ctx: Context, dovecot: Dovecot, postfix: Postfix, mail_user: tuple[str, str]
) -> None:
    name, password = mail_user
    smtp = Server(Protocol.SMTP, "localhost", postfix.submission, Tls.STARTTLS)
    added = accounts.add(ctx, wanted(dovecot, name, Password(password), sending=smtp, full_name="Alice"))
    assert added.account.name == "mail"
    assert [(c.name, c.state) for c in added.checks] == [("mail imap", "ok"), ("mail smtp", "ok")]
    assert "TLSv1.3" in added.checks[0].text
    assert "QRESYNC" in added.checks[0].text
    text = Path(ctx.paths.config).read_text()
    assert password not in text
    secret = Path(ctx.paths.config).parent / "secrets" / "mail.password"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert [str(secret) in line for line in ctx.said] == [True]  # type: ignore[attr-defined]
    assert [c.state for c in accounts.check(ctx)] == ["ok", "ok"]


@pytest.mark.parametrize("wrong", ["password", "certificate"])
def test_nothing_is_written_when_a_login_fails(
    ctx: Context, dovecot: Dovecot, mail_user: tuple[str, str], wrong: str
) -> None:
    name, password = mail_user
    if wrong == "password":
        new = wanted(dovecot, name, Password("wrong"))
        expected: type[Exception] = AuthenticationFailed
    else:
        new = wanted(dovecot, name, Password(password), ca_file=None)
        expected = CertificateRefused
    with pytest.raises(expected):
        accounts.add(ctx, new)
    assert not Path(ctx.paths.config).exists()
    assert not (Path(ctx.paths.config).parent / "secrets").exists()


def test_without_a_check_nothing_is_contacted(ctx: Context) -> None:
    port = 1
    new = NewAccount(
        "a@example.org",
        incoming=Server(Protocol.POP3, "pop.example.org", port, Tls.STARTTLS, user="u"),
        sending=Server(Protocol.SMTP, "smtp.example.org", password=SecretSpec("env", "PW")),
        password=SecretSpec("command", "pass show x"),
        check=False,
    )
    added = accounts.add(ctx, new)
    assert added.checks == ()
    assert added.account.incoming is not None
    assert added.account.sending is not None
    assert added.account.incoming.port == port
    assert (added.account.incoming.user, added.account.sending.user) == ("u", "a@example.org")
    assert added.account.sending.port == 465
    assert added.account.sending.secret == SecretSpec("env", "PW")
    assert added.account.incoming.secret == SecretSpec("command", "pass show x")


def test_names_come_from_the_domain_and_are_made_unique(ctx: Context) -> None:
    for expected in ("example", "example2", "example3"):
        new = NewAccount("a@Example.org", sending=Server(Protocol.SMTP, "h"), check=False)
        assert accounts.add(ctx, new).account.name == expected
    assert ctx.config.default == "example"
    local = NewAccount("a@local.test", sending=Server(Protocol.SMTP, "h"), check=False)
    assert accounts.add(ctx, local).account.name == "mail"
    with pytest.raises(ConfigError, match="already"):
        accounts.add(ctx, local._replace(name="example2"))
    for bad in ("a b", "local", "all", ""):
        with pytest.raises(UsageError):
            accounts.add(ctx, local._replace(name=bad or "-"))


def test_an_account_that_only_sends_without_a_password_does_not_sign_in(
    ctx: Context, postfix: Postfix
) -> None:
    relay = Server(Protocol.SMTP, "localhost", postfix.smtp, Tls.NONE)
    added = accounts.add(ctx, NewAccount("ops@example.org", sending=relay))
    assert added.account.sending is not None
    assert added.account.sending.secret is None
    assert added.checks[0].text.startswith("connected to")


def test_an_address_or_a_file_that_cannot_be_is_refused(ctx: Context, tmp_path: Path) -> None:
    smtp = Server(Protocol.SMTP, "h")
    for address in ("alice", "a@b@c", "a b@c", "Alice <a@b.c>", "a@b.c\n"):
        with pytest.raises(UsageError):
            accounts.add(ctx, NewAccount(address, sending=smtp, check=False))
    loose = tmp_path / "pw"
    loose.write_text("x")
    loose.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        accounts.add(ctx, NewAccount("a@b.c", sending=smtp, password=SecretSpec("file", str(loose))))


def test_servers_of_another_domain_are_not_taken_unasked(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = Proposal(Protocol.IMAP, "imap.hoster.net", 993, Tls.IMPLICIT, "SRV", True)
    own = Proposal(Protocol.SMTP, "smtp.example.org", 465, Tls.IMPLICIT, "SRV", False)
    answers = [Discovery((foreign,)), Discovery((foreign, own)), Discovery((), trouble="DNS is away")]
    monkeypatch.setattr(accounts, "discover", lambda *_, **__: answers.pop(0))
    new = NewAccount("a@example.org", check=False)
    with pytest.raises(ConfigError, match=r"imap\.hoster\.net") as caught:
        accounts.add(ctx, new)
    assert "--imap-host" in caught.value.hint
    added = accounts.add(ctx, new)
    assert added.account.incoming is None
    assert added.account.sending is not None
    with pytest.raises(ConfigError, match="DNS is away"):
        accounts.add(ctx, new)


def test_discovery_does_not_look_anything_up_off_line(ctx: Context) -> None:
    ctx.offline = True
    assert accounts.discover(ctx, "a@example.org", guess=True) == Discovery(
        (), trouble="not looked up: --offline"
    )


def test_removing_forgets_mail_secret_and_configuration(
    ctx: Context, dovecot: Dovecot, mail_user: tuple[str, str]
) -> None:
    accounts.add(ctx, wanted(dovecot, mail_user[0], Password(mail_user[1])))
    ctx.store.account_key("mail", "imap")
    accounts.remove(ctx, "mail")
    assert ctx.config.accounts == {}
    assert ctx.store.accounts() == []
    assert not (Path(ctx.paths.config).parent / "secrets" / "mail.password").exists()
    with pytest.raises(NotFound):
        accounts.remove(ctx, "mail")
    ctx.close()


def test_a_check_reports_every_server_with_its_exit_code(
    ctx: Context, dovecot: Dovecot, mail_user: tuple[str, str], account_toml: Callable[..., Path]
) -> None:
    name, password = mail_user
    account_toml(Path(ctx.paths.config).parent, dovecot, name, password, name="good")
    account_toml(Path(ctx.paths.config).parent, dovecot, name, "wrong", name="bad", protocol="pop3")
    with dead_port() as dead:
        account_toml(Path(ctx.paths.config).parent, dovecot, name, password, name="away", incoming_port=dead)
        found = accounts.check(ctx)
    assert [(c.name, c.state, c.code) for c in found] == [
        ("good imap", "ok", 0),
        ("bad pop3", "failed", 77),
        ("away imap", "failed", 75),
    ]
    assert [c.name for c in accounts.check(ctx, ["good"])] == ["good imap"]
    with pytest.raises(NotFound):
        accounts.check(ctx, ["nobody"])


def test_the_doctor_names_what_is_wrong_and_the_remedy(
    ctx: Context, dovecot: Dovecot, mail_user: tuple[str, str], account_toml: Callable[..., Path]
) -> None:
    name, password = mail_user
    account_toml(Path(ctx.paths.config).parent, dovecot, name, password, name="good")
    Path(ctx.paths.config).chmod(0o664)
    checks = {c.name: c for c in doctor.examine(ctx)}
    assert checks["configuration"].state == "ok"
    assert checks["permissions"].state == "warning"
    assert checks["permissions"].remedy == f"chmod go-w {ctx.paths.config}"
    assert checks["database"].state == "ok"
    assert checks["TLS library"].text.startswith("OpenSSL ")
    assert checks["disk"].state in ("ok", "warning")
    assert checks["good imap"].state == "ok"
    ctx.close()


def test_the_doctor_survives_a_broken_configuration_and_none(ctx: Context) -> None:
    checks = {c.name: c for c in doctor.examine(ctx)}
    assert checks["configuration"].state == "warning"
    assert "account add" in checks["configuration"].remedy
    Path(ctx.paths.config).parent.mkdir(exist_ok=True)
    Path(ctx.paths.config).write_text("accounts = 3\n")
    ctx.reload()
    checks = {c.name: c for c in doctor.examine(ctx)}
    assert (checks["configuration"].state, checks["configuration"].code) == ("failed", 78)
    assert "line 1" in checks["configuration"].text
    ctx.close()


def test_the_doctor_as_cron_sees_only_what_cron_gives(
    ctx: Context, dovecot: Dovecot, mail_user: tuple[str, str]
) -> None:
    name, password = mail_user
    ctx.environ = {**ENVIRON, "PW": password}
    accounts.add(ctx, wanted(dovecot, name, SecretSpec("env", "PW")))
    assert {c.name: c.state for c in doctor.examine(ctx)}["mail imap"] == "ok"
    check = {c.name: c for c in doctor.examine(ctx, cron=True)}["mail imap"]
    assert (check.state, check.code) == ("failed", 78)
    assert "PW is not set" in check.text
    ctx.close()


def test_settings_are_read_and_changed_by_their_key(ctx: Context) -> None:
    assert configuring.prepare(ctx).read_text().startswith("# mailcli")
    accounts.add(ctx, NewAccount("a@example.org", sending=Server(Protocol.SMTP, "h"), check=False))
    configuring.set(ctx, "accounts.example.smtp.port", "2525")
    assert configuring.get(ctx, "accounts.example.smtp.port") == 2525
    sending = ctx.config.account().sending
    assert sending is not None
    assert sending.port == 2525
    assert Path(ctx.paths.config).read_text().startswith("# mailcli")
