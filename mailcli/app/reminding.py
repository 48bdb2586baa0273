"""The forgotten attachment: a text that speaks of one, in a message that has none."""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern
from mailcli.model.draft import Draft

_WORDS: Final = pattern.compile(
    r"\b(?:"
    r"attach(?:ed|ing|ment|ments)|(?:i|we)(?:'ve| have)? enclosed?|enclosed (?:is|are|you|please|find)|"
    r"see (?:the )?enclosed|"
    r"anhang|anhänge|anbei|angehängt\w*|beigefügt\w*|(?:in|als) (?:der )?anlage|im anhang|"
    r"ci-joints?|ci-jointe?s?|pi[eè]ces? jointes?|en annexe|j'ai joint|"
    r"adjunt[oa]s?|adjuntamos|archivos? adjuntos?|"
    r"anexos?|em anexo|anexad[oa]s?|"
    r"allegat[oaie]|in allegato|"
    r"bijlagen?|bijgevoegd\w*|"
    r"bifog\w+|vedlagt|vedhæftet|vedlegg|"
    r"w załączniku|załącznik\w*|załączam|"
    r"v příloze|příloh\w+|"
    r"liitteenä|liitetiedosto\w*"
    r")\b|во вложении|прикреп|вложени|添付|附件|첨부",
    re.IGNORECASE,
)
_NOT: Final = pattern.compile(
    r"\b(?:no|without(?: an?y?)?|ohne|kein(?:en?)?|sans|sin|senza|zonder|utan|uten|uden|bez)\s+$",
    re.IGNORECASE,
)
_FORWARDED: Final = "---------- Forwarded message ----------"


def spoken_of(text: str) -> str:
    """The word by which one's own text (no quotation, no forwarded mail, no signature) speaks of an
    attachment; "" if it does not."""
    own = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line in ("-- ", _FORWARDED):
            break
        attribution = line.endswith(":") and any(each.startswith(">") for each in lines[number + 1 :][:1])
        if not line.startswith(">") and not attribution:
            own.append(line)
    whole = "\n".join(own)
    for match in _WORDS.finditer(whole):
        if not _NOT.search(whole, max(0, match.start() - 20), match.start()):
            return match[0]
    return ""


def forgotten(draft: Draft) -> str:
    """The word that speaks of an attachment which the draft does not have; "" if all is well."""
    if any(not attachment.cid for attachment in draft.attachments):
        return ""
    return spoken_of(draft.text) or spoken_of(draft.subject)
