"""Outlook quotes nothing: it puts the mail answered below a block of its header. Here it gets marks."""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern

_MAX_DEPTH: Final = 9
_FROM: Final = "From|Von|De|Da|Van|Od|Från|Fra|Lähettäjä|От|发件人|差出人|寄件者|보낸 사람"
_SENT: Final = (
    "Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el)?|Enviada em|Fecha|Inviato|Data|Verzonden|Skickat|Sendt"
    "|Lähetetty|Wysłano|Отправлено|Дата|发送时间|日期|送信日時|寄件日期|보낸 날짜"
)
_SUBJECT: Final = (
    "Subject|Betreff|Objet|Asunto|Assunto|Oggetto|Onderwerp|Ämne|Emne|Aihe|Temat|Тема|主题|件名|主旨|제목"
)
# *From:* is Gmail's bold; long values run on over some lines; To and Cc stand in any order.
_BLOCK: Final = pattern.compile(
    rf"^\*?(?:{_FROM}) ?[:：]\*?[^\n]*\n(?:[^\n]+\n){{0,3}}?\*?(?:{_SENT}) ?[:：]\*?[^\n]*\n"
    rf"(?:[^\n]+\n){{0,40}}?\*?(?:{_SUBJECT}) ?[:：]\*?[^\n]*(?:\n|\Z)",
    re.MULTILINE,
)
_BLANKS: Final = pattern.compile(r"(?:[ \t\xa0]*\n)*")
_FOOTER: Final = "\n____________________"  # and more: what a list's software put below all of it
_FOOTER_LINES: Final = 8
# Word's plain text: an empty paragraph is a line of a space between two empty ones, a link has its target
# behind it.
_EMPTY: Final = pattern.compile(r"(?:\n\n[ \t\xa0]+)+\n\n")
_TARGET: Final = pattern.compile(r"[ \n]?<(?:mailto:|https?://)([^\s<>]{3,300}?)/?>( ?)(?=(.?))")


def tidied(text: str) -> str:
    """Plain text as Word writes it without its doubled empty lines and doubled addresses."""
    if "\n\n \n" in text or "\n\n\xa0" in text:
        text = _EMPTY.sub("\n\n", text)
    if "<mailto:" in text or "<http" in text:
        text = _TARGET.sub(_once, text)
    return text


def _once(match: re.Match[str]) -> str:
    """Nothing for a target that stands right behind itself."""
    before = match.string[max(0, match.start() - len(match[1]) - 1) : match.start()]
    if not before.rstrip("/").endswith(match[1]):
        return match[0]
    return "" if match[3] in ">].,;:)" else match[2]


def marked(text: str) -> str:
    """The text, what stands below such a block marked as a quotation (`> `), a level for each block.

    A block with nothing above it is a forwarded mail: that is what the message has to say.
    """
    if "\n" not in text:
        return text
    end = text.rfind(_FOOTER, max(0, len(text) - 2000)) + 1
    if not end or text.count("\n", end) > _FOOTER_LINES:
        end = len(text)
    out: list[str] = []
    position = depth = 0
    for block in _BLOCK.finditer(text, 0, end):
        if not out and not text[: block.start()].strip(" \n_-\xa0"):
            return text
        out.append(_quoted(text[position : block.start()], depth))
        below = _BLANKS.match(text, block.end(), end)
        position = below.end() if below else block.end()
        out.append(_quoted(text[block.start() : position], depth))
        depth = min(depth + 1, _MAX_DEPTH)
    if not out:
        return text
    out.append(_quoted(text[position:end], depth))
    out.append(text[end:])
    return "".join(out)


def _quoted(text: str, depth: int) -> str:
    if not depth or not text:
        return text
    mark = "> " * depth
    lines = text.split("\n")
    blank = len(lines) - 1 if not lines[-1] else -1  # behind the last line end there is no line
    return "\n".join(
        [
            line if place == blank else mark + line if line.strip(" \xa0") else mark.rstrip()
            for place, line in enumerate(lines)
        ]
    )
