"""format=flowed (RFC 3676): paragraphs taken together for showing, broken apart for sending."""

from __future__ import annotations

from typing import Final

from mailcli.model import pattern

_QUOTE: Final = pattern.compile(r"(?:> ?)+")


def unflow(text: str, *, delsp: bool = False) -> str:
    """Flowed text with each paragraph on one line, quotes marked as in its first line.

    Marks with spaces between them (`> > `) are met as often as RFC 3676's own (`>>`); an empty
    line behind a flowed one is the end of the paragraph, and shown.
    """
    out: list[str] = []
    paragraph: list[str] = []
    depth, mark = 0, ""

    def end() -> None:
        out.append(mark + "".join(paragraph).rstrip(" "))
        paragraph.clear()

    known: dict[str, str] = {}
    for line in text.split("\n"):
        first = line[:1]
        if not paragraph and first != ">" and (not first or (first != " " and line[-1] != " ")):
            out.append(line)
            continue
        quote = _QUOTE.match(line) if first == ">" else None
        marks = quote[0] if quote else ""
        if marks and not paragraph and line[-1] != " " and len(line) > len(marks):
            # A quoted line that does not flow: most of a long conversation.
            shown = known.get(marks)
            if shown is None:
                shown = known[marks] = marks.rstrip(" ") + " "
            out.append(shown + line[len(marks) :])
            continue
        body = line[len(marks) :]
        if not marks and body.startswith(" "):  # space-stuffed (§4.4)
            body = body[1:]
        if paragraph and (marks.count(">") != depth or body in ("-- ", "")):
            end()
        if not paragraph:
            depth = marks.count(">")
            mark = marks.rstrip(" ") + " " if marks and body else marks.rstrip(" ")
        flows = body.endswith(" ") and body != "-- "  # the signature line is never flowed (§4.3)
        paragraph.append(body[:-1] if flows and delsp else body)
        if not flows:
            out.append(mark + "".join(paragraph))
            paragraph.clear()
    if paragraph:
        end()
    return "\n".join(out)


def flow(text: str, width: int = 72) -> str:
    """Text with LF, paragraphs broken at `width` columns with the space that joins them again."""
    out: list[str] = []
    for line in text.split("\n"):
        if line == "-- ":
            out.append(line)
            continue
        body = line.lstrip(">")
        depth = len(line) - len(body)
        prefix = ">" * depth + (" " if depth else "")
        if depth and body.startswith(" "):
            body = body[1:]
        body = body.rstrip(" ")
        room = max(20, width - len(prefix))
        while len(body) > room:
            cut = body.rfind(" ", 1, room)
            if cut < 0:
                cut = body.find(" ", room)
            if cut < 0 or not body[: cut + 1].strip():
                break
            piece, rest = body[: cut + 1], body[cut + 1 :]
            if rest.startswith(" "):  # a run of spaces: break behind it
                spaces = len(rest) - len(rest.lstrip(" "))
                piece, rest = piece + rest[:spaces], rest[spaces:]
            out.append(_stuffed(prefix, piece))
            body = rest
        out.append(_stuffed(prefix, body))
    return "\n".join(out)


def _stuffed(prefix: str, line: str) -> str:
    if not prefix and line.startswith((" ", ">", "From ")):
        return " " + line
    return prefix + line if line else prefix.rstrip()
