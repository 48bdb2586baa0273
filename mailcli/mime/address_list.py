"""An `address-list` (RFC 5322 §3.4) as it is typed: read to the letter, since a guess would send mail
to somebody who was not meant.

What is taken beside the grammar: `;` for a comma, as Outlook writes it; `mailto:` before an address; letters
of all scripts (RFC 6532); dots anywhere in a local part, since Japanese telephone companies gave out such
mailboxes. Comments and spaces may stand around an address, never in it.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from mailcli.errors import MessageMalformed
from mailcli.mime import encode, words
from mailcli.model import pattern, printable
from mailcli.model.address import Address

_TOKEN: Final = pattern.compile(
    r"(?P<scheme>(?i:mailto):(?=[^][ \t(),:;<>@]))|(?P<space>[ \t]+)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<literal>\[[^][\\]*\])'
    r'|(?P<atom>[^][ \t"(),:;<>@\\\x00-\x1f\x7f]+)|(?P<mark>[(,:;<>@])'
)
_PARENTHESIS: Final = pattern.compile(r"\\.|[()]")
_ESCAPE: Final = pattern.compile(r"\\(.)")
_LABELS: Final = pattern.compile(r"(?!-)[^.]{1,63}(?<!-)(?:\.(?!-)[^.]{1,63}(?<!-))*")

_Token = tuple[str, str]


def parse(text: str) -> tuple[Address, ...]:
    """The addresses of a text, those of a group without its name. Raises MessageMalformed for
    whatever is not one of them, and if there is none."""
    encode.refuse_breaks("an address", text)
    found: list[Address] = []
    item: list[_Token] = []
    in_group = False
    for kind, piece in [*_tokens(text), ("mark", ",")]:
        if kind != "mark" or piece not in ",;:":
            item.append((kind, piece))
            continue
        if piece == ":":
            if in_group or not _is_phrase(item):
                _refuse(text)
            in_group = True
        elif any(each != "space" for each, _ in item):
            found.append(_mailbox(text, item))
        if piece == ";":
            in_group = False
        item = []
    if in_group:
        _refuse(text, "a group of addresses ends with a semicolon")
    if not found:
        _refuse(text)
    return tuple(found)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            _refuse(text, "a quotation mark is not closed" if text[place] == '"' else "")
        kind, piece = str(match.lastgroup), match[0]
        place = match.end()
        if piece == "(":
            end = _end_of_comment(text, place)
            kind, piece, place = "comment", text[place : end - 1], end
        tokens.append((kind, piece))
    return tokens


def _end_of_comment(text: str, place: int) -> int:
    depth = 1
    for match in _PARENTHESIS.finditer(text, place):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    _refuse(text, "a parenthesis is not closed")


def _mailbox(text: str, item: list[_Token]) -> Address:
    """`name <addr-spec>`, or an addr-spec alone; a comment beside it is its name, as before RFC 822."""
    if ("mark", "<") not in item:
        item, comments = _bare(item)
        return Address(words.name(comments[-1]) if comments else "", _addr_spec(text, item))
    begin = item.index(("mark", "<"))
    phrase, rest = item[:begin], item[begin + 1 :]
    if ("mark", ">") not in rest:
        _refuse(text, "an angle bracket is not closed")
    end = rest.index(("mark", ">"))
    behind, comments = _bare(rest[end + 1 :])
    if behind or not _is_phrase(phrase, empty=True):
        _refuse(text, 'a name with other than letters and digits is quoted: "Ng, Ann" <ann@example.org>')
    pieces = [
        _ESCAPE.sub(r"\1", piece[1:-1]) if kind == "quoted" else piece
        for kind, piece in phrase
        if kind != "comment"
    ]
    name = words.name("".join(pieces)) or (words.name(comments[-1]) if comments else "")
    return Address(name, _addr_spec(text, rest[:end]))


def _bare(item: list[_Token]) -> tuple[list[_Token], list[str]]:
    """The tokens without the spaces and comments around them, and those comments."""
    kinds = ["" if kind in ("space", "comment") else kind for kind, _ in item]
    inner = [n for n, kind in enumerate(kinds) if kind]
    first, last = (inner[0], inner[-1] + 1) if inner else (len(item), len(item))
    around = [*item[:first], *item[last:]]
    comments = [_ESCAPE.sub(r"\1", piece) for kind, piece in around if kind == "comment"]
    return item[first:last], comments


def _is_phrase(item: list[_Token], *, empty: bool = False) -> bool:
    kinds = {kind for kind, _ in item}
    return kinds <= {"atom", "quoted", "space", "comment"} and (empty or bool(kinds & {"atom", "quoted"}))


def _addr_spec(text: str, item: list[_Token]) -> str:
    if item and item[0][0] == "scheme":
        item = item[1:]
    kinds = [kind for kind, _ in item]
    email = "".join([piece for _, piece in item])
    if kinds not in (["atom", "mark", "atom"], ["quoted", "mark", "atom"], ["atom", "mark", "literal"],
                     ["quoted", "mark", "literal"]) or item[1][1] != "@":  # fmt: skip
        spaced = "comment" in kinds or "space" in kinds
        _refuse(text, "no space and no comment may stand in an address" if spaced else "")
    if not email.isprintable():
        _refuse(text)
    domain = item[2][1]
    if kinds[2] == "literal":
        if not _is_host(domain[1:-1]):
            _refuse(text)
    elif not _LABELS.fullmatch(domain):
        _refuse(text)
    encode.addr_spec(email, smtputf8=True)
    return email


def _is_host(literal: str) -> bool:
    """RFC 5321 §4.1.3: `192.0.2.1`, or `IPv6:2001:db8::1`."""
    if literal[:5].lower() != "ipv6:":
        return bool(re.fullmatch(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", literal, re.A))
    from ipaddress import AddressValueError, IPv6Address

    try:
        return "%" not in literal and bool(IPv6Address(literal[5:]))
    except AddressValueError:
        return False


def _refuse(text: str, hint: str = "") -> NoReturn:
    raise MessageMalformed(f"{printable.line(text)[:200]!r} is not an address", hint=hint)
