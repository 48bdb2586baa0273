"""format=flowed (RFC 3676): paragraphs taken together for showing, broken apart for sending."""

from __future__ import annotations


def unflow(text: str, *, delsp: bool = False) -> str:
    """Flowed text with each paragraph on one line; quotes keep their depth as `> `."""
    out: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
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
