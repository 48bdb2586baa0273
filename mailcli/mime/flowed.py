"""format=flowed (RFC 3676): paragraphs taken together for showing, broken apart for sending."""

from __future__ import annotations


def unflow(text: str, *, delsp: bool = False) -> str:
    """Flowed text with each paragraph on one line; quotes keep their depth as `> `."""
    out: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        if not paragraph and (not line or (line[0] not in " >" and line[-1] != " ")):
            out.append(line)
            continue
        body = line.lstrip(">")
        quoted = len(line) - len(body)
        if body.startswith(" "):  # space-stuffed (§4.4)
            body = body[1:]
        if paragraph and (quoted != depth or body == "-- "):
            out.append(_quoted(depth, "".join(paragraph)))
            paragraph.clear()
        depth = quoted
        if body.endswith(" ") and body != "-- ":  # the signature line is never flowed (§4.3)
            paragraph.append(body[:-1] if delsp else body)
            continue
        paragraph.append(body)
        out.append(_quoted(depth, "".join(paragraph)))
        paragraph.clear()
    if paragraph:
        out.append(_quoted(depth, "".join(paragraph).rstrip(" ")))
    return "\n".join(out)


def _quoted(depth: int, text: str) -> str:
    return f"{'>' * depth} {text}" if depth else text


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
