"""8bit bodies of what we compose, for servers that do not offer 8BITMIME."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailcli.mime import compose, read, sevenbit
from mailcli.model.address import Address
from mailcli.model.draft import Attachment, Draft

ME = Address("Jörg", "joerg@example.org")
ENCLOSED = "From: a@b.c\r\nSubject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode()


def draft(**more: object) -> Draft:
    base = Draft(ME, (ME,), (), (), "Grüße", "", 0.0, 0, "1@example.org")
    return base._replace(**more)  # type: ignore[arg-type]


TEXTS = st.text(st.sampled_from("aä =\n.€-"), max_size=200)


@given(TEXTS, TEXTS, st.sampled_from([None, ENCLOSED, "é\n".encode(), b"\0\xff"]))
def test_the_same_message_without_octets_over_127(text: str, html: str, attached: bytes | None) -> None:
    kind = {ENCLOSED: "message/rfc822", b"\0\xff": "application/octet-stream"}.get(
        attached or b"", "text/plain"
    )
    files = () if attached is None else (Attachment("f", kind, attached),)
    whole = compose.compose(draft(text=text, html=html, attachments=files))
    made = sevenbit.sevenbit(whole)
    assert made.isascii()
    assert all(len(line) <= 998 for line in made.split(b"\r\n"))
    assert b"8bit" not in made
    if attached != ENCLOSED:
        assert read.reading(made).text == read.reading(whole).text
    assert (whole == made) == whole.isascii()
    if attached == b"\0\xff":
        assert b"AP8=" in made


def test_an_enclosed_message_becomes_a_file_that_holds_it() -> None:
    whole = compose.compose(draft(text="see", attachments=(Attachment("m.eml", "message/rfc822", ENCLOSED),)))
    made = sevenbit.sevenbit(whole)
    assert b"Content-Type: application/octet-stream" in made and b"message/rfc822" not in made
    assert compose.base64(ENCLOSED) in made
