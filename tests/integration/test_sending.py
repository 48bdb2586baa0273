"""Submission through a real Postfix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.app import preparing
from mailcli.app import sending as app
from mailcli.app.preparing import SendRequest
from mailcli.app.sending import Delivery
from mailcli.errors import (
    AuthenticationFailed,
    MessageMalformed,
    MessageRefused,
    NotFound,
    PartialFailure,
    RecipientRefused,
    TryAgain,
    UsageError,
)
from mailcli.mime import read as mime
from mailcli.model.draft import Sent
from mailcli.model.flags import ANSWERED
from tests.integration.conftest import Profile, message
from tests.support.postfix import Postfix


def send(profile: Profile, request: SendRequest, delivery: Delivery | None = None) -> Sent:
    return app.deliver(profile.ctx, preparing.prepare(profile.ctx, request), delivery or Delivery())


def to_self(profile: Profile) -> str:
    return profile.server.address(profile.user)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_message_is_sent_delivered_and_filed(
    make_profile: Callable[..., Profile], postfix: Postfix, tls: str
) -> None:
    profile = make_profile(postfix=postfix, smtp_tls=tls)
    sent = send(profile, SendRequest(to=[to_self(profile)], subject="Grüße", text="hällo\n.dot\n"))
    assert [o.outcome for o in sent.recipients] == ["sent"]
    assert app.failure(sent) is None
    entry = postfix.wait_delivered(sent.message_id)
    assert sent.queue_id == entry.queue_id
    profile.fetch()
    assert profile.rows("Sent")[0].message_id == sent.message_id
    shown = mime.reading(profile.ctx.store.open_bytes(profile.id("Grüße")))
    assert shown.text.rstrip("\n") == "hällo\n.dot"
    profile.in_step()


def test_bcc_is_in_the_envelope_and_in_our_copy_alone(sending: Profile, postfix: Postfix) -> None:
    request = SendRequest(to=[to_self(sending)], bcc=["secret@elsewhere.test"], subject="hidden", text="x")
    sent = send(sending, request)
    entry = postfix.wait_delivered(sent.message_id, 2)
    assert "secret@elsewhere.test" in entry.recipients
    sending.fetch()
    received = sending.ctx.store.open_bytes(sending.id("hidden"))
    assert b"secret" not in received
    assert b"secret" in sending.ctx.store.open_bytes(sending.id("hidden", "Sent"))


def test_a_refused_recipient_stops_the_message_for_all(sending: Profile, postfix: Postfix) -> None:
    sent = send(sending, SendRequest(to=[to_self(sending), "no@reject.test"], subject="s", text="x"))
    assert [o.outcome for o in sent.recipients] == ["deferred", "rejected"]
    assert sent.recipients[1].code == 550
    assert isinstance(app.failure(sent), RecipientRefused)
    assert sent.message_id not in {e.message_id for e in postfix.accepted()}


def test_partial_delivers_to_those_who_are_accepted(sending: Profile, postfix: Postfix) -> None:
    request = SendRequest(to=[to_self(sending), "no@reject.test"], subject="s", text="x")
    sent = send(sending, request, Delivery(partial=True))
    assert [o.outcome for o in sent.recipients] == ["sent", "rejected"]
    assert isinstance(app.failure(sent), PartialFailure)
    postfix.wait_delivered(sent.message_id)


def test_a_deferred_recipient_is_worth_a_retry(sending: Profile) -> None:
    sent = send(sending, SendRequest(to=["later@defer.test"], subject="s", text="x"))
    assert sent.recipients[0].outcome == "deferred" and sent.recipients[0].code == 450
    assert isinstance(app.failure(sent), TryAgain)


def test_too_large_a_message_is_refused_before_it_is_sent(sending: Profile) -> None:
    with pytest.raises(MessageRefused, match="takes at most"):
        send(sending, SendRequest(to=[to_self(sending)], subject="big", text="x" * 77 + "\n" * (51 << 20)))


def test_a_wrong_password_is_exit_77(make_profile: Callable[..., Profile], postfix: Postfix) -> None:
    profile = make_profile(postfix=postfix)
    (profile.directory / "test.password").write_text("wrong\n")
    with pytest.raises(AuthenticationFailed) as failed:
        send(profile, SendRequest(to=["a@b.test"], subject="s", text="x"))
    assert failed.value.exit_code == 77


def test_raw_input_goes_through_byte_for_byte(sending: Profile, postfix: Postfix) -> None:
    raw = (
        b"From: me <%b>\nTo:   odd   <%b>\nBcc: x@elsewhere.test\nMessage-ID: <raw1@%b>\n"
        b"Date: Mon, 2 Nov 2015 10:00:00 +0100\nSubject: raw\n\n.\n..\n tail \n"
    ) % ((to_self(sending).encode(),) * 2 + (sending.user.encode(),))
    prepared = preparing.prepare_raw(sending.ctx, raw, from_header=True)
    sent = app.deliver(sending.ctx, prepared, Delivery())
    postfix.wait_delivered(sent.message_id, 2)
    sending.fetch()
    received = sending.ctx.store.open_bytes(sending.id("raw"))
    expected = raw.replace(b"Bcc: x@elsewhere.test\n", b"").replace(b"\n", b"\r\n")
    assert received.endswith(expected)


def test_a_reply_is_threaded_quoted_and_noted_on_the_original(sending: Profile, postfix: Postfix) -> None:
    sending.server.append(sending.user, "INBOX", message("question", "what?"))
    sending.fetch()
    asked = sending.id("question")
    prepared = preparing.prepare_reply(
        sending.ctx, asked, SendRequest(text="that\n"), everyone=False, quote=True
    )
    sent = app.deliver(sending.ctx, prepared, Delivery())
    preparing.mark_answered(sending.ctx, asked)
    postfix.wait_delivered(sent.message_id)
    sending.fetch()
    answer = sending.ctx.store.get([sending.id("Re: question", "Sent")])[0]
    assert [o.email for o in sent.recipients] == ["alice@example.org"]
    assert answer.in_reply_to == "question@example.org"
    assert answer.thread == sending.ctx.store.get([asked])[0].thread
    assert "> what?" in mime.reading(sending.ctx.store.open_bytes(answer.id)).text
    assert ANSWERED in sending.ctx.store.get([asked])[0].flags
    sending.in_step()


def test_a_forward_keeps_attachments(sending: Profile, postfix: Postfix, tmp_path: Path) -> None:
    file = tmp_path / "data.bin"
    file.write_bytes(bytes(range(256)))
    first = send(sending, SendRequest(to=[to_self(sending)], subject="with", text="x", attachments=[file]))
    postfix.wait_delivered(first.message_id)
    sending.fetch()
    prepared = preparing.prepare_forward(
        sending.ctx, sending.id("with"), SendRequest(to=[to_self(sending)], text="see")
    )
    (part,) = [p for p in mime.parts(prepared.data) if p.attachment]
    assert part.name == "data.bin"
    assert mime.part_bytes(prepared.data, part) == bytes(range(256))


def test_a_missing_attachment_fails_before_any_connection(sending: Profile) -> None:
    with pytest.raises(NotFound):
        preparing.prepare(sending.ctx, SendRequest(to=["a@b.test"], attachments=[Path("/no/such/file")]))


@pytest.mark.parametrize(
    "bad",
    [
        "not an address",
        "a b@c.test",
        "<a@b c.test>",
        "a@b.test\r\nBcc: x@y.test",
        "a@",
        "@b",
        "a\0@b.test",
        "",
    ],
)
def test_a_bad_address_is_refused(sending: Profile, bad: str) -> None:
    with pytest.raises((MessageMalformed, UsageError)):
        preparing.prepare(sending.ctx, SendRequest(to=[bad], subject="s"))


@pytest.mark.parametrize("field", ["subject", "sender"])
def test_a_line_break_in_a_field_is_refused(sending: Profile, field: str) -> None:
    words = {"to": ["a@b.test"], "subject": "s", field: "x@y.test\nBcc: z@y.test"}
    with pytest.raises(MessageMalformed):
        preparing.prepare(sending.ctx, SendRequest(**words))  # type: ignore[arg-type]


def test_a_mailto_url_fills_the_harmless_fields_only(sending: Profile) -> None:
    url = "mailto:a@b.test?subject=Hi%20you&cc=c@d.test&body=text&bcc=evil@x.test&attach=/etc/passwd"
    prepared = preparing.prepare(sending.ctx, SendRequest(to=[url]))
    assert prepared.envelope.recipients == ("a@b.test", "c@d.test")
    assert mime.envelope(prepared.data).subject == "Hi you"


def test_a_domain_beyond_ascii_goes_out_in_a_labels_and_needs_no_smtputf8(sending: Profile) -> None:
    prepared = preparing.prepare(sending.ctx, SendRequest(to=["Jörg <joerg@bücher.test>"], subject="s"))
    assert prepared.envelope.recipients == ("joerg@xn--bcher-kva.test",)
    assert prepared.data.isascii()
