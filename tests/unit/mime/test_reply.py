import pytest

from mailcli.errors import NotFound
from mailcli.mime import compose, quote, read, reply
from mailcli.model.address import Address
from mailcli.model.draft import Draft

ME = Address("Me", "me@x.y")
ORIGINAL = (
    b"From: Ann <ann@a.b>\nTo: Me <ME@x.y>, Bob <bob@b.c>\nCc: Cara <cara@c.d>, me@alias.y, bob@b.c\n"
    b"Subject: Re: AW: Plan\nDate: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <m3@x>\n"
    b"References: <m1@x> <m2@x>\nIn-Reply-To: <m2@x>\n"
)
BODY = b"\nHello\n\n> older\n-- \nAnn\n"


def answer(data: bytes = ORIGINAL + BODY, *, everyone: bool = False, to_list: bool = False) -> Draft:
    return reply.reply_draft(
        data,
        sender=ME,
        own=("me@x.y", "me@alias.y"),
        date=0.0,
        zone=0,
        message_id="new@x",
        everyone=everyone,
        to_list=to_list,
    )


def emails(addresses: tuple[Address, ...]) -> list[str]:
    return [a.email for a in addresses]


def test_a_reply_continues_the_thread() -> None:
    draft = answer()
    assert (draft.subject, draft.in_reply_to) == ("Re: Plan", ("m3@x",))
    assert draft.references == ("m1@x", "m2@x", "m3@x")
    assert emails(draft.to) == ["ann@a.b"]
    assert draft.cc == ()


def test_the_original_is_quoted_without_its_signature() -> None:
    assert answer().text == "On Fri, 21 Nov 1997 09:55:06 -0600, Ann wrote:\n> Hello\n>\n>> older\n"


def test_a_reply_to_all_goes_to_everyone_but_oneself_once() -> None:
    draft = answer(everyone=True)
    assert (emails(draft.to), emails(draft.cc)) == (["ann@a.b", "bob@b.c"], ["cara@c.d"])


def test_reply_to_comes_before_from() -> None:
    draft = answer(b"Reply-To: office@a.b\n" + ORIGINAL + BODY, everyone=True)
    assert emails(draft.to) == ["office@a.b", "bob@b.c"]


def test_mail_followup_to_answers_for_all() -> None:
    data = b"Mail-Followup-To: list@l.m, me@x.y\n" + ORIGINAL + BODY
    assert emails(answer(data, everyone=True).to) == ["list@l.m"]
    assert emails(answer(data).to) == ["ann@a.b"]


def test_ones_own_message_is_answered_to_its_recipients() -> None:
    data = b"From: me@x.y\nTo: bob@b.c\nSubject: x\n\n"
    assert emails(answer(data).to) == ["bob@b.c"]
    assert emails(answer(b"From: me@x.y\nTo: me@x.y\n\n").to) == ["me@x.y"]


def test_a_list_is_answered_at_its_post_address() -> None:
    data = b"List-Post: <mailto:list%2Ba@l.m?subject=x>\n" + ORIGINAL + BODY
    assert emails(answer(data, to_list=True).to) == ["list+a@l.m"]
    with pytest.raises(NotFound):
        answer(to_list=True)
    with pytest.raises(NotFound):
        answer(b"List-Id: <l.m>\nList-Post: NO\n" + ORIGINAL, to_list=True)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Plan", "Re: Plan"),
        ("RE: re: Plan", "Re: Plan"),
        ("Re[2]: Plan", "Re: Plan"),
        ("Sv: AW: Plan", "Re: Plan"),
        ("回复：Plan", "Re: Plan"),
        ("Regarding: x", "Re: Regarding: x"),
        ("", "Re: "),
        ("a\r\nb", "Re: a b"),
    ],
)
def test_re_stands_once(subject: str, expected: str) -> None:
    assert reply.answer_subject(subject) == expected


def test_a_long_chain_keeps_its_root_and_its_end() -> None:
    chain = b" ".join(b"<%d@x>" % n for n in range(200))
    found = answer(b"References: " + chain + b"\nMessage-ID: <last@x>\nFrom: a@b.c\n\n").references
    assert (found[0], found[-2:], len(found)) == ("0@x", ("199@x", "last@x"), 50)


def test_hostile_originals_give_drafts_that_can_be_composed() -> None:
    data = (
        b'From: "Evil\r\n\x00\x1b[31m" <evil@a.b>\nSubject: x\x00y\x1b\nMessage-ID: <bad id\x01@x>\n'
        b'References: <ok@x> <\xff@x>\nContent-Type: application/x; name="a\x00b"\n'
        b"Content-Disposition: attachment\n\n\x00"
    )
    forwarded = reply.forward_draft(data, sender=ME, date=0.0, zone=0, message_id="f@x")
    for draft in (answer(data, everyone=True), forwarded._replace(to=(ME,))):
        compose.compose(draft)


def test_a_forward_shows_the_header_and_keeps_attachments() -> None:
    data = ORIGINAL + (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n"
        b"--b\nContent-Type: application/pdf; name=a.pdf\n\n%P\n"
        b"--b\nContent-Type: message/rfc822\n\nContent-Type: application/x; name=inner\n\nx\n--b--\n"
    )
    draft = reply.forward_draft(data, sender=ME, date=0.0, zone=0, message_id="new@x")
    assert draft.subject == "Fwd: Re: AW: Plan"
    assert draft.to == ()
    assert draft.text.startswith(
        "---------- Forwarded message ----------\nFrom: Ann <ann@a.b>\n"
        "Date: Fri, 21 Nov 1997 09:55:06 -0600\n"
        "To: Me <ME@x.y>, Bob <bob@b.c>\n"
    )
    assert "Hello" in draft.text
    assert [(a.name, a.type) for a in draft.attachments] == [
        ("a.pdf", "application/pdf"),
        ("part-3", "message/rfc822"),
    ]


def test_a_message_can_be_forwarded_whole() -> None:
    draft = reply.forward_draft(
        ORIGINAL + BODY, sender=ME, date=0.0, zone=0, message_id="n@x", as_attachment=True
    )
    assert draft.attachments[0].data == ORIGINAL + BODY
    assert draft.attachments[0].name == "Re_ AW_ Plan.eml"


def test_an_attribution_follows_its_template() -> None:
    envelope = read.envelope(ORIGINAL)
    assert quote.attribution(envelope, "{name} <{email}>:") == "Ann <ann@a.b>:"
    assert quote.attribution(read.envelope(b"")) == "On an unknown day, somebody wrote:"
