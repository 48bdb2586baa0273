"""Rows and messages as styled text of exact width. Everything from a mail is filtered here."""

from __future__ import annotations

import time
from typing import Final

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth
from wcwidth import wcwidth

from mailcli.app.reading import Message
from mailcli.model import printable
from mailcli.model import wrap as wrapping
from mailcli.model.flags import ANSWERED, FLAGGED, FORWARDED, SEEN
from mailcli.model.message import Summary

_MARKS: Final = (("signed", "signed (not checked)"), ("encrypted", "encrypted"))

Fragments = StyleAndTextTuples


def fit(text: str, width: int) -> str:
    """Cut or pad to exactly `width` cells; wide characters count two."""
    if text.isascii():
        return text[:width].ljust(width) if len(text) <= width else text[: max(0, width - 1)] + "…"
    cells = get_cwidth(text)
    if cells <= width:
        return text + " " * (width - cells)
    kept, used = [], 0
    for char in text:
        wide = max(0, wcwidth(char))
        if used + wide > width - 1:
            break
        kept.append(char)
        used += wide
    return "".join(kept) + "…" + " " * (width - used - 1)


def row(summary: Summary, width: int, *, selected: bool, now: float) -> Fragments:
    """One line of the list: marks, date, sender, subject with the beginning of the text."""
    unread = SEEN not in summary.flags
    mark = "✓" if selected else "●" if unread else " "
    state = "!" if FLAGGED in summary.flags else "↩" if ANSWERED in summary.flags else " "
    if state == " " and FORWARDED in summary.flags:
        state = "↪"
    sender = printable.line(summary.sender[0].label) if summary.sender else "(nobody)"
    names = max(12, min(24, width // 5))
    subject = printable.line(summary.subject) or "(no subject)"
    clip = " 📎" if summary.attachments else ""
    style = "class:row.unread" if unread else "class:row"
    room = max(0, width - 13 - names)
    head = fit(subject + clip, room) if not summary.preview else subject + clip
    rest = ""
    if summary.preview and get_cwidth(head) + 3 < room:
        rest = fit("  " + printable.line(summary.preview), room - get_cwidth(head))
    else:
        head = fit(head, room)
    return [
        ("class:row.mark", f"{mark}{state} "),
        ("class:row.date", fit(when(summary.when, now), 8) + " "),
        (style, fit(sender, names) + " "),
        (style, head),
        ("class:row.preview", rest),
    ]


def when(date: float, now: float) -> str:
    """A short date for the list, in local time: 09:30 today, Tue this week, 4 Mar, 2024-03."""
    then, today = time.localtime(date), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    age = now - date
    if 0 <= age < 6 * 86400:
        return time.strftime("%a", then)
    if then[0] == today[0] or 0 <= age < 300 * 86400:
        return f"{then.tm_mday} {time.strftime('%b', then)}"
    return time.strftime("%Y-%m", then)


def message(shown: Message, width: int) -> list[Fragments]:
    """A message as lines: a header block, then its text wrapped to the width, quotes dimmed."""
    envelope = shown.reading.envelope
    lines: list[Fragments] = []
    for name, people in (("From", envelope.sender), ("To", envelope.to), ("Cc", envelope.cc)):
        if people:
            text = ", ".join(f"{a.name} <{a.email}>" if a.name else a.email for a in people)
            lines += _header(name, text, width)
    date = shown.summary.date or shown.summary.arrived
    lines += _header("Date", time.strftime("%a %d %b %Y %H:%M", time.localtime(date)), width)
    lines += _header("Subject", envelope.subject, width)
    said = [text for mark, text in _MARKS if mark in shown.reading.marks]
    if said:
        lines += _header("Security", ", ".join(said), width)
    there = [part for part in shown.reading.parts if part.attachment]
    for place, part in enumerate(there, 1):
        lines += _header("📎", f"{place}  {part.name or part.type}  ({size(part.size)})", width)
    lines.append([("", "")])
    for line in printable.block(shown.reading.text).split("\n"):
        style = "class:quote" if line.startswith(">") else ""
        lines += [[(style, piece)] for piece in wrap(line, width)]
    return lines


def _header(name: str, text: str, width: int) -> list[Fragments]:
    pieces = wrap(printable.line(text), max(10, width - 9))
    return [
        [("class:header.name", fit(name if n == 0 else "", 9)), ("class:header", piece)]
        for n, piece in enumerate(pieces)
    ]


def wrap(line: str, width: int) -> list[str]:
    """One line in pieces of at most `width` cells; what continues a quotation keeps its marks."""
    return wrapping.lines(line, width, get_cwidth, cut_links=True)


def size(octets: int) -> str:
    """Octets for people: 812 B, 14 kB, 2.3 MB."""
    if octets < 1000:
        return f"{octets} B"
    if octets < 1_000_000:
        return f"{octets / 1000:.0f} kB"
    return f"{octets / 1_000_000:.1f} MB"
