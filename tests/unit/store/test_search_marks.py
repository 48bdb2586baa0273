"""What a message is and has, of whole mails with the parts that make it so; and the traps of words."""

from __future__ import annotations

from datetime import UTC

import pytest

from mailcli.model.query.parse import parse
from mailcli.store import search
from tests.support.small_mailbox import SmallMailbox, mail

NOW = 1_717_243_200.0


def parts(kind: str, *bodies: tuple[str, str]) -> bytes:
    """A multipart of this kind from (type, text) pairs."""
    lines = ["From: ann@x.test", "Subject: s", "MIME-Version: 1.0", f'Content-Type: {kind}; boundary="b"', ""]
    for type_, text in bodies:
        lines += ["--b", f"Content-Type: {type_}", "", text]
    return "\r\n".join([*lines, "--b--", ""]).encode()


PLAIN = ("text/plain", "some words")
MAILS = {
    "has:invite": parts("multipart/mixed", PLAIN, ("text/calendar; method=REQUEST", "BEGIN:VCALENDAR")),
    "is:encrypted": parts(
        'multipart/encrypted; protocol="application/pgp-encrypted"',
        ("application/pgp-encrypted", "Version: 1"),
        ("application/octet-stream", "-----BEGIN PGP MESSAGE-----"),
    ),
    "is:signed": parts(
        'multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256',
        PLAIN,
        ("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----"),
    ),
    "has:list": mail(extra="List-Id: <dev.lists.x.test>"),
    "has:link": mail(body="see https://x.test/page"),
    "has:attachment": parts("multipart/mixed", PLAIN, ('application/pdf; name="a.pdf"', "JVBERi0=")),
    "lang:de": mail(extra="Content-Language: de-AT, en"),
    "lang:en": mail(extra="Content-Language: en"),
}  # fmt: skip


@pytest.mark.parametrize("query", MAILS)
def test_what_a_message_is_or_has_is_found_and_its_negation_is_the_rest(query: str) -> None:
    mailbox = SmallMailbox()
    names = {mailbox.add(raw).rid: name for name, raw in MAILS.items()}

    def find(text: str) -> set[str]:
        found = search.find(mailbox.connection, parse(text, now=NOW, zone=UTC), read=mailbox.read)
        return {names[rid] for rid in found.rids}

    also = {"lang:en": {"lang:de"}}
    assert find(query) == {query} | also.get(query, set())
    assert find(f"-{query}") == set(MAILS) - find(query)


@pytest.mark.parametrize(
    ("text", "found", "missed"),
    [
        (
            "kata-containers run",
            ["kata-containers", "kata", "-katas", '"kata containers"'],
            ["katacontainers"],
        ),
        ("a notterm_term_ b", ["notterm_term_", "notterm", "term"], ["nottermterm"]),
        ("Ångström Łódź Straße", ["angstrom", "LODZ", "strasse", "straße"], ["angstroms"]),
        ("会議の資料です", ["会議", "議の", "資料", "の資料で"], ["会資", "料資"]),
        ("東京Tower見学2024年", ["東京", "tower", "見学", "2024", "2024年"], ["京見"]),
        ("한국어를 배운다", ["한국어", "한국", "국어를", "배운"], ["한어"]),
        ("ภาษาไทยง่าย", ["ภาษา", "ไทย"], ["ไทยภ"]),
        ("one two three four", ["one NEAR/1 three", "four NEAR/2 one", "-five"], ["one NEAR/1 four"]),
        ("x=1; C++ #12 50%", ["x=1", "c++", "#12", "50%", "-C#"], ["x=2", "#13"]),
        ("mail foo@bar.com now", ["foo@bar.com", "bar.com", "@bar"], ["foo@bar.org", "oo@bar.com"]),
    ],
)
def test_words_of_every_script_are_found_where_they_stand_and_nowhere_else(
    text: str, found: list[str], missed: list[str]
) -> None:
    mailbox = SmallMailbox()
    there = mailbox.add(mail(body=text)).rid

    def find(query: str) -> list[int]:
        return search.find(mailbox.connection, parse(query, now=NOW, zone=UTC), read=mailbox.read).rids

    for query in found:
        assert find(query) == [there], query
    for query in missed:
        assert find(query) == [], query
        assert find(f"-({query})") == [there], query


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("date:2024-05", True),
        ("date:..2024-05-06", True),
        ("date:2024-05-07..", False),
        ("date:2024-05-06..2024-05-06", True),
        ("size:1K..2K", True),
        ("size:..1K", False),
        ("size:2K..", False),
        ("-date:2024", False),
    ],
)
def test_ranges_have_both_their_ends(query: str, there: bool) -> None:
    mailbox = SmallMailbox()
    rid = mailbox.add(mail(), size=1500).rid
    found = search.find(mailbox.connection, parse(query, now=NOW, zone=UTC)).rids
    assert found == ([rid] if there else [])
