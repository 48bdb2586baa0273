"""The parameters of MAIL and RCPT for service extensions, and what is refused before anything is sent."""

from __future__ import annotations

import pytest

from mailcli.errors import MessageMalformed, MessageRefused, UsageError
from mailcli.model import wishes as model
from mailcli.model.wishes import Wishes
from mailcli.wire.smtp import parameters
from mailcli.wire.smtp.commands import Mail, Rcpt
from mailcli.wire.smtp.encode import encode
from mailcli.wire.smtp.events import Extensions

NOW = 1_800_000_000.0
ALL = Extensions(
    (
        ("DSN", ()),
        ("REQUIRETLS", ()),
        ("MT-PRIORITY", ("MIXER",)),
        ("DELIVERBY", ("60",)),
        ("FUTURERELEASE", ("86400", "2100-01-01T00:00:00Z")),
        ("LIMITS", ("RCPTMAX=20", "MAILMAX=5")),
    )
)


def asked(wishes: Wishes, offered: Extensions = ALL, *, private: bool = True) -> list[str]:
    return parameters.of_mail(wishes, offered, label="mx:465", private=private, now=NOW)


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        (Wishes(returns="hdrs", envelope_id="a+b=c d"), ["RET=HDRS", "ENVID=a+2Bb+3Dc+20d"]),
        (Wishes(notify=("never",)), []),
        (Wishes(require_tls=True), ["REQUIRETLS"]),
        (Wishes(priority=-3), ["MT-PRIORITY=-3"]),
        (Wishes(deliver_by=NOW + 120), ["BY=120;R"]),
        (Wishes(deliver_by=NOW - 5, late="notify"), ["BY=-5;N"]),
        (Wishes(hold_until=NOW + 3600), ["HOLDUNTIL=2027-01-15T09:00:00Z"]),
    ],
)
def test_a_wish_becomes_its_parameter(wishes: Wishes, expected: list[str]) -> None:
    assert asked(wishes) == expected
    assert encode(Mail("a@b", tuple(expected))).endswith(b"\r\n")


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(notify=("never",)),
        Wishes(returns="full"),
        Wishes(envelope_id="x"),
        Wishes(require_tls=True),
        Wishes(priority=1),
        Wishes(deliver_by=NOW + 9),
        Wishes(hold_until=NOW + 9),
    ],
)
def test_what_is_not_offered_is_refused(wishes: Wishes) -> None:
    with pytest.raises(MessageRefused, match=r"does not (offer|keep)"):
        asked(wishes, Extensions())


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(deliver_by=NOW + 30), "less than 60"),
        (Wishes(deliver_by=NOW - 1), "passed"),
        (Wishes(hold_until=NOW + 86401), "at most 86400"),
    ],
)
def test_what_is_beyond_the_servers_limits_is_refused(wishes: Wishes, words: str) -> None:
    with pytest.raises(MessageRefused, match=words):
        asked(wishes)


def test_tls_is_required_of_our_own_connection_first() -> None:
    with pytest.raises(MessageRefused, match="has none"):
        asked(Wishes(require_tls=True), private=False)


def test_a_last_moment_of_the_server_is_kept() -> None:
    offered = Extensions((("FUTURERELEASE", ("99999999", "2027-01-15T08:30:00Z")),))
    with pytest.raises(MessageRefused, match="beyond"):
        asked(Wishes(hold_until=NOW + 3600), offered)


def test_recipients_are_told_when_to_report_and_under_which_name() -> None:
    wishes = Wishes(notify=("success", "delay"))
    assert parameters.of_rcpt(wishes, "a+b@c.d") == ("NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;a+2Bb@c.d")
    assert parameters.of_rcpt(wishes, "é@c.d") == ("NOTIFY=SUCCESS,DELAY",)
    assert encode(Rcpt("a+b@c.d", parameters.of_rcpt(wishes, "a+b@c.d"))).startswith(b"RCPT TO:<a+b@c.d> ")
    assert parameters.of_rcpt(Wishes(), "a@b") == ()


def test_limits_are_read_and_nonsense_is_none() -> None:
    assert (parameters.most_recipients(ALL), parameters.most_messages(ALL)) == (20, 5)
    for words in ((), ("RCPTMAX",), ("RCPTMAX=x",), ("RCPTMAX=-1",), ("RCPTMAX=" + "9" * 30,)):
        assert parameters.most_recipients(Extensions((("LIMITS", words),))) == 0


@pytest.mark.parametrize("text", ["", "always", "never,success", "success;failure", "success,"])
def test_a_misspelt_choice_of_reports_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        model.notify(text)


@pytest.mark.parametrize("break_", ["\r", "\n", "\0", "\r\nRCPT TO:<evil@e.test>"])
def test_a_line_break_is_malformed(break_: str) -> None:
    for read in (model.notify, model.returns, model.envelope_id):
        with pytest.raises(MessageMalformed):
            read(f"success{break_}")


def test_reports_are_asked_for_in_one_order() -> None:
    assert model.notify("Delay, SUCCESS") == ("success", "delay")
    assert model.notify("never") == ("never",)
