"""The page HTML is written on: lines, prefixes, white space; and the list of links."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mailcli.model import pattern

_SPACE: Final = pattern.compile(r"[ \t\n\r\f]+")
# Soft hyphens and the zero-width characters that pad preheaders; U+200C and U+200D have a use
# inside words and emoji.
_INVISIBLE: Final = pattern.compile(
    "[\u00ad\u034f\u200b\u2060-\u2064\ufeff]|\u200c(?=[\\s\u200c]|$)|\u200d(?=\\s|$)"
)
_SAFELINK: Final = pattern.compile(
    r"https?://[\w.-]{1,60}\.safelinks\.protection\.outlook\.com/[^?]*\?(?:.*&)?url=([^&]+)", re.I
)
_GOOGLE: Final = pattern.compile(r"https?://www\.google\.com/url\?(?:[^#]*&)?q=([^&]+)", re.I)
_SHOWN_URL: Final = pattern.compile(r"https?://[^\s<>\"]{1,4000}")
_PERCENT: Final = pattern.compile(rb"%([0-9A-Fa-f]{2})")
_MAX_PREFIXES: Final = 25
_ANY_SPACE: Final = pattern.compile(r"\s+")


class Page:
    """Text being laid out. Blocks call `end_line` and `blank`, text arrives through `write`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []  # the pieces of the line being written
        self.space = False  # white space is owed before the next word
        self.prefixes: list[str] = []
        self.firsts: list[str | None] = []  # what stands in place of a prefix on its first line
        self.above: tuple[str, ...] = ()  # the prefixes of the line above
        self.gap = False  # a blank line is owed before the next text
        self.newline_skipped = False
        self.length = 0  # pieces written at all, for `mark`

    # -- text

    def write(self, text: str) -> None:
        """Text whose white space collapses."""
        if not text.isascii():
            text = _INVISIBLE.sub("", text)
        words = _SPACE.sub(" ", text)
        if not words:
            return
        if words[0] == " ":
            self.space = True
            words = words[1:]
        if not words:
            return
        ends = words[-1] == " "
        if ends:
            words = words[:-1]
        if words:
            self._put(words)
        self.space = ends

    def _put(self, text: str) -> None:
        if self.space and self.line:
            self.line.append(" ")
        self.space = False
        self.line.append(text)
        self.length += 1

    def verbatim(self, text: str) -> None:
        """Text whose white space stands."""
        if self.newline_skipped:
            self.newline_skipped = False
            text = text.removeprefix("\r").removeprefix("\n")
        pieces = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for number, piece in enumerate(pieces):
            if number:
                self.line_break()
            if piece:
                self.line.append(piece)
                self.length += 1

    def attach(self, text: str) -> None:
        """Text right behind the last word, even if space is owed."""
        if text:
            self.line.append(text)

    def skip_newline(self) -> None:
        """The line end right behind <pre> is none."""
        self.newline_skipped = True

    # -- lines

    def end_line(self) -> None:
        """The next text begins a line; nothing happens at the beginning of one."""
        self.space = False
        if not self.line:
            return
        text = "".join(self.line).replace("\xa0", " ").rstrip()
        self.line.clear()
        if not text:
            self.gap = True  # a line of no-break spaces is a blank line
            return
        if self.gap and self.lines:
            self.lines.append(self._gap())
        self.gap = False
        self.lines.append(self._prefix() + text)
        self.above = tuple(self.prefixes)

    def _gap(self) -> str:
        """A blank line, quoted as far as the lines around it both are."""
        common = []
        for prefix, above in zip(self.prefixes, self.above, strict=False):
            if prefix != above:
                break
            common.append(prefix)
        return "".join(common).rstrip()

    def _prefix(self) -> str:
        out = []
        for index, prefix in enumerate(self.prefixes):
            first = self.firsts[index]
            out.append(prefix if first is None else first)
            self.firsts[index] = None
        return "".join(out)

    def line_break(self) -> None:
        if self.line:
            self.end_line()
        else:
            self.gap = True

    def end_paragraph_line(self) -> None:
        """The end of a paragraph without margins; an empty one is a blank line."""
        if self.line:
            self.end_line()

    def blank(self) -> None:
        """The next text begins a line after a blank one."""
        self.end_line()
        self.gap = bool(self.lines)

    def cell(self) -> None:
        """Cells of a layout table: side by side while they are short."""
        if self.line and sum(map(len, self.line)) < 40:
            self.space = True
        else:
            self.end_line()

    def rule(self) -> None:
        self.blank()
        self.line.append("-" * 40)
        self.blank()

    def underline(self, mark: str) -> None:
        """End a heading, underlined."""
        before = len(self.lines)
        self.end_line()
        if len(self.lines) > before:
            prefix = "".join(self.prefixes)
            self.lines.append(prefix + mark * min(70, max(3, len(self.lines[-1]) - len(prefix))))
        self.blank()

    def indent(self, prefix: str, *, first: str | None = None, more: str = "") -> Callable[[], None]:
        """Begin every line with `prefix`, the next one with `first`; the result ends that."""
        self.end_line()
        if len(self.prefixes) >= _MAX_PREFIXES:
            return self.end_line
        if first is not None and len(first) > len(prefix):
            prefix += more
        self.prefixes.append(prefix)
        self.firsts.append(first)

        def leave() -> None:
            self.end_line()
            self.prefixes.pop()
            self.firsts.pop()

        return leave

    # -- links

    def mark(self) -> tuple[int, int, int]:
        return len(self.lines), len(self.line), self.length

    def since(self, mark: tuple[int, int, int]) -> str | None:
        """What was written since `mark`; None if it was nothing."""
        lines, pieces, length = mark
        if self.length == length:
            return None
        if len(self.lines) == lines:
            return "".join(self.line[pieces:])
        return " ".join([*self.lines[lines:], *self.line])

    def text(self) -> str:
        self.end_line()
        return "\n".join(self.lines)


class Links:
    """The links of a document, each target numbered once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def target(self, href: str) -> str:
        """Where a link leads, "" if nowhere a person could go. Click counters of mail gateways
        that hold the target are taken off."""
        href = _ANY_SPACE.sub("", href) if href else ""
        lower = href[:12].lower()
        if not lower.startswith(("http://", "https://", "mailto:", "ftp://", "tel:")):
            return ""
        for gate in (_SAFELINK, _GOOGLE):
            match = gate.match(href)
            if match:
                octets = _PERCENT.sub(lambda m: bytes([int(m[1], 16)]), match[1].encode("utf-8", "replace"))
                inner = octets.decode("utf-8", "replace")
                if inner.lower().startswith(("http://", "https://")) and not _ANY_SPACE.search(inner):
                    return inner
        return href

    def unwrapped(self, text: str) -> str:
        """Text with the targets in place of the click counters shown in it."""
        return _SHOWN_URL.sub(lambda match: self.target(match[0]) or match[0], text)

    def reference(self, target: str, label: str) -> str:
        """`[n]` behind a label, "" if the label is the target itself."""
        shown = "".join(label.split()).lower().strip("<>()[]")
        plain = target.lower()
        for prefix in ("mailto:", "tel:", "https://", "http://", "www."):
            plain = plain.removeprefix(prefix)
            shown = shown.removeprefix(prefix)
        if shown and (shown.rstrip("/.,") == plain.rstrip("/") or plain.partition("?")[0] == shown):
            return ""
        number = self.numbers.setdefault(target, len(self.numbers) + 1)
        return f" [{number}]"

    def text(self) -> str:
        return "\n".join([f"[{number}] {target}" for target, number in self.numbers.items()])
