"""The addresses of a command line, held against RFC 5321 and 5322's grammar written down a second time."""

from __future__ import annotations

import ipaddress
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcli.errors import MessageMalformed
from mailcli.mime import address_list
from mailcli.model.address import Address

# RFC 5322 §3.2.3, §3.2.4, §3.4; RFC 5321 §4.1.2, §4.1.3. Where they differ: no space in an address.
ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]"  # dots anywhere: such mailboxes exist
QUOTED = r'"(?:[^"\\]|\\.)*"'
LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
LITERAL = r"\[[0-9A-Za-z.:]+\]"
SPEC = rf"(?:{ATEXT}+|{QUOTED})@(?:{LABEL}(?:\.{LABEL})*|{LITERAL})"
WORD = rf"(?:{ATEXT}|{QUOTED}|[ \t])"
MAILBOX = rf"[ \t]*(?:(?:mailto:)?{SPEC}|{WORD}*<(?:mailto:)?{SPEC}>)[ \t]*"
GROUP = rf"{WORD}*(?:{ATEXT}|{QUOTED}){WORD}*:(?:{MAILBOX}|[ \t]*)(?:,(?:{MAILBOX}|[ \t]*))*(?=;)"
ITEM = rf"(?:{MAILBOX}|{GROUP}|[ \t]*)"
LIST = re.compile(rf"{ITEM}(?:[,;]{ITEM})*")


def without_comments(text: str) -> str | None:
    """Comments as spaces; None if one is not closed."""
    out, depth, place = "", 0, 0
    while place < len(text):
        quoted = re.compile(QUOTED).match(text, place) if not depth else None
        if quoted:
            out, place = out + quoted[0], quoted.end()
            continue
        if text[place] == "\\" and depth:
            place += 2
            continue
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth < 0:
            return None
        out += " " if text[place] in "()" else "" if depth else text[place]
        place += 1
    return None if depth else out


def in_the_grammar(text: str) -> bool:
    bare = without_comments(text)
    return bare is not None and bool(LIST.fullmatch(bare))


def read(text: str) -> tuple[Address, ...] | None:
    try:
        return address_list.parse(text)
    except MessageMalformed:
        return None


PIECES = [
    "a", ".", "@", "x.org", '"', "\\", "(", ")", "<", ">", ",", ";", ":", "[", "]", " ", "-", "mailto:",
    "[1.2.3.4]", "a@x.org", "<a@x.org>", '"q q"', "(c)",
]  # fmt: skip


def hold(text: str) -> None:
    found = read(text)
    if found is not None:
        assert in_the_grammar(text), text
        for address in found:
            assert re.fullmatch(SPEC, address.email), text
            assert address.email in text
        # none is lost: each @ outside of quotes, comments and names is one of an address
        bare = re.sub(QUOTED, "", without_comments(text) or "")
        assert bare.count("@") == len(found), text


def test_nothing_outside_the_grammar_is_taken_whatever_three_pieces_stand_together() -> None:
    for size in range(1, 4):
        for pieces in itertools.product(PIECES, repeat=size):
            hold("".join(pieces))


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_nothing_outside_the_grammar_is_taken(text: str) -> None:
    hold(text)


NAMES = st.sampled_from(
    ["", "Ann ", "Ann Ng", '"Ng, Ann" ', '"a \\" b"', "Jörg ", "(c) Ann", "A. B. ", "=?utf-8?q?J=C3=B6?= "]
)
EMAILS = st.sampled_from(
    [
        "a@x.org",
        '"a b"@x.org',
        "a+b=c@x",
        "o'n@x-y.org",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "a..b@x.org",
        "é@x.org",
    ]
)


@given(
    st.lists(st.tuples(NAMES, EMAILS, st.sampled_from(["", " (note)", " "])), min_size=1, max_size=5),
    st.booleans(),
)
def test_each_mailbox_of_the_grammar_is_taken_as_itself(
    made: list[tuple[str, str, str]], group: bool
) -> None:
    text = ", ".join(f"{name}<{email}>{behind}" if name else email + behind for name, email, behind in made)
    found = address_list.parse(f"team: {text};" if group else text)
    assert [address.email for address in found] == [email for _, email, _ in made]


NO_ADDRESSES = [
    *('a"b@x.org', 'a@x.org"', '"Ann <ann@x.org>', 'Ann" <ann@x.org>', '"a"b@x.org', '"a@x.org"'),
    *("a(b)@x.org", "Ann <a(c)nn@x.org>", "a@(c)x.org", "a@x.org (c", "a@x.org)"),
    *("Ann <ann@x.org", "<ann@x.org> Ann", "<a@x.org> <b@x.org>", "a@x.org b@x.org", "a@x.org <b@x.org>"),
    *(
        "a @x.org",
        "Ng, Ann <a@x>",
        "team: a@x.org",
        "team:;",
        "<@relay:a@x.org>",
        "a@b@x.org",
        "",
        "()",
        "<>",
    ),
    *("a@-x.org", "a@x-.org", "a@x.org.", "a@x..org", f"{'a' * 320}@x.org", f"a@{'b' * 64}.org"),
    *("a@[1.2.3]", "a@[1.2.3.256]", "a@[1.2.3.4.]", "a@[::1]", "a@[IPv6:::g]", "a@[IPv6:fe80::1%eth0]"),
    *("a\u00a0b@x.org", "a\u202eb@x.org", "a@x.org\r\n", "a@x\0.org", "a\udcffb@x.org"),
]


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert read(text) is None


def test_a_domain_literal_is_the_address_of_a_host() -> None:
    for literal in ("192.0.2.1", "0.0.0.0", "255.255.255.255", "01.2.3.4", "1.2.3.999", "1.2.3"):
        try:
            known = bool(ipaddress.IPv4Address(literal))
        except ValueError:
            known = False
        assert (read(f"a@[{literal}]") is not None) == known, literal
