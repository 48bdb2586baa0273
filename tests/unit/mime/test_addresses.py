import pytest

from mailcli.mime import addresses
from mailcli.model.address import Address


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a@b.c", [("", "a@b.c")]),
        ("<a@b.c>", [("", "a@b.c")]),
        ("Ann <a@b.c>", [("Ann", "a@b.c")]),
        ('"Doe, Ann" <a@b.c>', [("Doe, Ann", "a@b.c")]),
        ('"A \\"B\\" C" <a@b.c>', [('A "B" C', "a@b.c")]),
        ("'Ann' <a@b.c>", [("Ann", "a@b.c")]),
        ("a@b.c (Ann)", [("Ann", "a@b.c")]),
        ("a@b.c (Ann (really))", [("Ann (really)", "a@b.c")]),
        ("Ann (x) <a@b.c>", [("Ann", "a@b.c")]),
        ("Ann <a@b.c", [("Ann", "a@b.c")]),
        ("Ann <a@b.c, Bob <b@c.d>", [("Ann", "a@b.c"), ("Bob", "b@c.d")]),
        ('"Ann <a@b.c>', [("Ann", "a@b.c")]),
        ("Ann (x <a@b.c>", [("Ann (x", "a@b.c")]),
        ("<a@b.c> Ann", [("Ann", "a@b.c")]),
        ("Ann a@b.c", [("Ann", "a@b.c")]),
        ("Doe, Ann <a@b.c>", [("Doe, Ann", "a@b.c")]),
        ("root, Ann <a@b.c>", [("", "root"), ("Ann", "a@b.c")]),
        ("a@b.c, , b@c.d,", [("", "a@b.c"), ("", "b@c.d")]),
        ("a@b.c; b@c.d", [("", "a@b.c"), ("", "b@c.d")]),
        ("a@b.c b@c.d", [("", "a@b.c"), ("", "b@c.d")]),
        ("Ann <a@b.c> Bob <b@c.d>", [("Ann", "a@b.c"), ("Bob", "b@c.d")]),
        ("undisclosed-recipients:;", []),
        ("<Undisclosed-Recipient:@relay;>", []),
        ("Friends: Ann <a@b.c>, b@c.d;, c@d.e", [("Ann", "a@b.c"), ("", "b@c.d"), ("", "c@d.e")]),
        ("<@relay,@other:a@b.c>", [("", "a@b.c")]),
        ("mailto:a@b.c", [("", "a@b.c")]),
        ("pete(his account)@silly.test(his host)", [("his host", "pete@silly.test")]),
        ("Pete <pete(his account)@silly.test(his host)>", [("Pete", "pete@silly.test")]),
        ("Joe Q. Public <john . q @ b . c>", [("Joe Q. Public", "john.q@b.c")]),
        ("jdoe@test   . example", [("", "jdoe@test.example")]),
        ('"a b"@c.d', [("", '"a b"@c.d')]),
        ("a@[192.0.2.1]", [("", "a@[192.0.2.1]")]),
        ("=?utf-8?q?J=C3=B6rg?= <a@b.c>", [("J\u00f6rg", "a@b.c")]),
        ('"=?utf-8?q?J=C3=B6rg?=" <a@b.c>', [("J\u00f6rg", "a@b.c")]),
        ("=?utf-8?q?Doe,_J=C3=B6rg?= <a@b.c>", [("Doe, J\u00f6rg", "a@b.c")]),
        ("J\u00f6rg <j\u00f6rg@b.c>", [("J\u00f6rg", "j\u00f6rg@b.c")]),
        ('"a@b.c" <evil@d.e>', [("a@b.c", "evil@d.e")]),
        ("Ann", [("", "Ann")]),
        ("Ann Other", [("Ann Other", "")]),
        ("", []),
        (",;:<>()", []),
    ],
)
def test_addresses_are_read_as_people_wrote_them(raw: str, expected: list[tuple[str, str]]) -> None:
    assert addresses.parse(raw.encode()) == tuple(Address(*pair) for pair in expected)


def test_a_list_that_must_be_served_loses_no_item_to_a_guess() -> None:
    assert [a.email for a in addresses.parse_strictly("Doe, Ann <a@b.c>")] == ["Doe", "a@b.c"]


def test_a_folded_header_gives_the_same_addresses() -> None:
    assert addresses.parse(b"Ann\r\n\t<a@b.c>,\r\n Bob <b@c.d>") == (
        Address("Ann", "a@b.c"),
        Address("Bob", "b@c.d"),
    )
