"""Lists of addresses in unusual forms (RFC 5322 §3.4, §4.4, and what is met instead).

One pass over tokens, no recursion: comments nested to any depth cost a counter.
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.mime import words
from mailcli.model import pattern
from mailcli.model.address import Address

_TOKEN: Final = pattern.compile(
    r"(?P<space>\s+)"
    r"|(?P<word>=\?[^?\s]{1,60}\?[bBqQ]\?[^?\s]*\?=)"
    r'|(?P<quoted>"(?:[^"\\]|\\.)*")'
    r"|(?P<literal>\[[^\[\]\s]*\])"
    r"|(?P<atom>[^\s\"(),:;<>\[\]]+)"
    r"|(?P<special>.)",
    re.DOTALL,
)
_TOKEN_UNQUOTED: Final = pattern.compile(
    _TOKEN.pattern.replace(r'|(?P<quoted>"(?:[^"\\]|\\.)*")', ""), re.DOTALL
)
_PARENTHESIS: Final = pattern.compile(r"\\.|[()]", re.DOTALL)
_ESCAPE: Final = pattern.compile(r"\\(.)", re.DOTALL)
_JOINED: Final = pattern.compile(r" ?(@) ?| (\.) ?")
_ROUTE: Final = pattern.compile(r"@[^:]*:")
_AROUND_DOTS: Final = pattern.compile(r"[ \t]?([.@])[ \t]?")  # RFC 5322 §4.4
_UNTIL_SEPARATOR: Final = pattern.compile(r"[^,;<>]*")
_GROUP: Final = pattern.compile(r"[^@\"]+:@")


class Reader:
    """The state between two separators: what stands before, in and after the angle brackets."""

    def __init__(self, value: str, *, guess: bool = True) -> None:
        self.value = value
        self.guess = guess
        self.found: list[Address] = []
        self.surname = ""  # an item that may be the first half of  Doe, John <j@doe>
        self.comments_end = True  # false once a parenthesis is known never to close
        self.open = False  # whether a quotation mark, parenthesis or bracket is never closed
        self.clear()

    def clear(self) -> None:
        self.phrase: list[str] = []
        self.comments: list[str] = []
        self.angle: str | None = None
        self.at = False  # whether the phrase holds an @
        self.before = 0  # pieces of the phrase that stand before the angle brackets

    def addresses(self, most: int) -> list[Address]:
        """The addresses of the value, about `most` of them if there are more."""
        value = self.value
        position = 0
        token = _TOKEN.match
        while position < len(value) and len(self.found) < most:
            match = token(value, position)
            assert match is not None  # the last alternative takes any character
            kind, text = match.lastgroup, match[0]
            position = match.end()
            if kind != "special":
                self.phrase.append(" " if kind == "space" else text)
                self.at = self.at or "@" in text
            elif text == '"':
                token = _TOKEN_UNQUOTED.match  # it never closes: none after it need be tried
                self.open = True
            elif text == "(":
                position = self.comment(position)
            elif text == "<":
                position = self.bracket(position)
            elif text in ",;":
                self.flush(text)
            elif text == ":":
                self.colon()
            else:
                self.phrase.append(text)
        self.flush("")
        return self.found

    def comment(self, position: int) -> int:
        """Take a comment whose `(` stands before `position`; the position after it."""
        depth = 1
        if self.comments_end:
            for match in _PARENTHESIS.finditer(self.value, position):
                depth += {"(": 1, ")": -1}.get(match[0], 0)
                if depth == 0:
                    self.comments.append(self.value[position : match.start()])
                    return match.end()
            self.comments_end = False
        self.open = True
        if self.value.rfind("@") < position:
            self.comments.append(self.value[position:])
            return len(self.value)
        self.phrase.append("(")
        return position

    def bracket(self, position: int) -> int:
        """Take an address whose `<` stands before `position`; the position after it."""
        close = self.value.find(">", position, position + 1000)
        other = self.value.find("<", position, close if close >= 0 else position + 1000)
        if close < 0 or other >= 0:
            # The bracket is missing: the address ends where the next item does.
            self.open = True
            match = _UNTIL_SEPARATOR.match(self.value, position)
            close = after = match.end() if match else position
        else:
            after = close + 1
        inner = self.value[position:close].strip()
        if self.angle and "@" in self.angle and "@" in inner:
            rest = self.phrase[self.before :]  # Name <a@b> Other <c@d>, the comma forgotten
            del self.phrase[self.before :]
            self.flush("")
            self.phrase = rest
        if self.angle is None or "@" in inner:
            self.angle = inner
            self.before = len(self.phrase)
        return after

    def colon(self) -> None:
        """A group's name ends, or `mailto:` stands before an address: neither is an address."""
        if self.angle is None:
            if self.at:
                self.phrase.append(":")
                return
            self.clear()
            self.surname = ""

    def flush(self, separator: str) -> None:
        phrase, comments, angle = self.phrase, self.comments, self.angle
        self.clear()
        text = "".join(phrase).strip()
        surname, self.surname = self.surname, ""
        if angle is None:
            if not text:
                return
            if "@" not in text:
                if self.guess and separator == "," and text[:1].isupper() and not text.startswith("=?"):
                    self.surname = text
                self.found.append(_local(text, comments))
                return
            text, *emails = _split(text)
            for email in emails[:-1]:
                self.found.append(Address("", _email(email, self.guess)))
            angle = emails[-1]
        name = _phrase(text)
        if surname and name and angle and self.found and not comments:
            self.found.pop()  # Doe, John <j@doe>, written without quotes
            name = f"{_phrase(surname)}, {name}"
        if not name and comments:
            name = words.name(_ESCAPE.sub(r"\1", comments[-1]))
        email = _email(angle, self.guess)
        if email or name:
            self.found.append(Address(name, email))


def _local(text: str, comments: list[str]) -> Address:
    """An item without `@`: a local user if it is one word, else only a name."""
    if comments or not any(character in text for character in ' \t=?"'):
        return Address(words.name(comments[-1]) if comments else "", text)
    return Address(_phrase(text), "")


def _split(text: str) -> list[str]:
    """The name, then the addresses, of an item without angle brackets; more than one address if
    the commas were forgotten."""
    text = _JOINED.sub(lambda match: match[1] or match[2], text)
    if text.startswith('"') and '"@' in text:
        return ["", text]
    pieces = text.split()
    emails = [piece for piece in pieces if "@" in piece]
    return [" ".join([piece for piece in pieces if "@" not in piece]), *emails]


def _phrase(text: str) -> str:
    """The name a phrase spells: quotes taken off wherever they stand."""
    if '"' in text:
        text = re.sub(
            r'"((?:[^"\\]|\\.)*)"', lambda match: _ESCAPE.sub(r"\1", match[1]), text, flags=re.DOTALL
        )
    return words.name(text)


def _email(text: str, guess: bool) -> str:
    if text[:7].lower() == "mailto:":
        text = text[7:]
    if "(" in text and '"' not in text:
        text = _without_comments(text)
    if _GROUP.match(text):
        return ""  # <Undisclosed-Recipient:@relay;>
    if text.startswith("@"):
        route = _ROUTE.match(text)  # <@relay:a@b>, RFC 5322 §4.4
        text = text[route.end() :] if route else text
    if "=?" in text and "@" not in text:
        text = words.decode(text)
    if (" " in text or "\t" in text) and '"' not in text:
        text = re.sub(r"\s+", "", text) if guess else _AROUND_DOTS.sub(r"\1", text)
    return text


def _without_comments(text: str) -> str:
    depth = 0
    kept = []
    for piece in re.split(r"([()])", text):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif not depth:
            kept.append(piece)
    return "".join(kept)
