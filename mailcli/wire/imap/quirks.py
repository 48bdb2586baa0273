"""What certain servers do otherwise than the RFCs say, as named facts.

Looked up at run time from the greeting, the ID response and the capabilities; never a build flag,
never a setting. Where a fact only needs tolerance, the parser is tolerant for everyone; it is named
here so that the reason is on record. Each has a transcript in `tests/transcripts/imap`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from mailcli.model import pattern
from mailcli.model.record import NamedTuple


class Quirk(Enum):
    NO_QRESYNC = auto()
    """iCloud: answers ENABLE without ENABLED and sends VANISHED that is no set."""

    ENABLE_ALONE = auto()
    """Purelymail: ENABLE takes one extension at a time."""

    ID_FIRST = auto()
    """163.com, 126.com, yeah.net (Coremail): SELECT is "Unsafe Login" until an ID was sent."""

    COPYUID_MISPAIRED = auto()
    """Yahoo and AOL: COPYUID of a MOVE of several messages pairs the wrong ones."""

    COPIES_HIDDEN_UNTIL_RESELECT = auto()
    """Courier: what APPEND added to the selected mailbox is not seen before the next SELECT."""

    UID_EXPUNGE_NEEDS_UIDPLUS = auto()
    """hMailServer: UID EXPUNGE is BAD, and there is no UIDPLUS to say so."""

    THROTTLES = auto()
    """Exchange Online: "Request is throttled. Suggested Backoff Time: n milliseconds"."""

    UIDVALIDITY_UNSTABLE = auto()
    """Proton Mail Bridge: UIDVALIDITY changes with an upgrade of the bridge."""

    LABELS = auto()
    """Gmail: folders are labels; one message is in several of them under one X-GM-MSGID."""

    ASCENDING_SETS_ONLY = auto()
    """QQ Mail: BAD for a set of UIDs that does not ascend. Ours always do (`uidset.UidSet`)."""

    VANISHED_FROM_ZERO = auto()
    """Dovecot: `VANISHED (EARLIER) 0:1`. Read as 1:1 for everyone (`responses._vanished`)."""

    CODE_WITHOUT_TEXT = auto()
    """Gmail: `* OK [HIGHESTMODSEQ 12]` with no text. Taken from everyone (`responses.status_text`)."""

    UNQUOTED_STATUS_NAME = auto()
    """Exchange: `* STATUS Deleted Items (…)`. Taken from everyone (`responses._status`)."""


class _Sign(NamedTuple):
    """A quirk is there if a text has one of the words and, if there is a pattern, that matches too;
    `where` is greeting, id or capability. The words alone cost a run nothing; patterns are compiled."""

    quirks: frozenset[Quirk]
    where: str
    words: tuple[str, ...]
    pattern: re.Pattern[str] | None


def _sign(where: str, words: tuple[str, ...], text: str, *quirks: Quirk) -> _Sign:
    return _Sign(frozenset(quirks), where, words, pattern.compile(text) if text else None)


_SIGNS: Final = (
    # Not XAPPLEPUSHSERVICE: Cyrus has that too, and its QRESYNC is sound.
    _sign("capability", ("atoken", "xapple"), r"^(auth=atoken2?|xappleliteral)$", Quirk.NO_QRESYNC),
    _sign("greeting", ("purelymail",), "", Quirk.ENABLE_ALONE),
    _sign("id", ("purelymail",), r"^(name|vendor) purelymail", Quirk.ENABLE_ALONE),
    _sign("greeting", ("coremail",), "", Quirk.ID_FIRST),
    _sign("id", ("coremail", "netease"), r"^(name|vendor) ", Quirk.ID_FIRST),
    _sign("greeting", ("imapgate", "yahoo", "aol"), r"imapgate|yahoo|\baol\b", Quirk.COPYUID_MISPAIRED),
    _sign("id", ("yahoo", "aol"), r"^(host|vendor|name) .*(yahoo|\baol\b)", Quirk.COPYUID_MISPAIRED),
    _sign("capability", ("xymhighestmodseq",), "", Quirk.COPYUID_MISPAIRED),
    _sign("greeting", ("courier-imap",), "", Quirk.COPIES_HIDDEN_UNTIL_RESELECT),
    _sign(
        "greeting", ("hmailserver", "imaprev1"), r"hmailserver|^imaprev1$", Quirk.UID_EXPUNGE_NEEDS_UIDPLUS
    ),
    _sign("greeting", ("microsoft exchange",), "", Quirk.THROTTLES, Quirk.UNQUOTED_STATUS_NAME),
    _sign("id", ("name microsoft.exchange",), "", Quirk.THROTTLES, Quirk.UNQUOTED_STATUS_NAME),
    _sign("greeting", ("mail bridge", "gluon"), r"proton ?mail bridge|gluon", Quirk.UIDVALIDITY_UNSTABLE),
    _sign("id", ("name proton", "name gluon"), "", Quirk.UIDVALIDITY_UNSTABLE),
    _sign("capability", ("x-gm-ext-1",), "", Quirk.LABELS, Quirk.CODE_WITHOUT_TEXT),
    _sign("greeting", ("qqmail",), "", Quirk.ASCENDING_SETS_ONLY),
    _sign("greeting", ("dovecot",), "", Quirk.VANISHED_FROM_ZERO),
    _sign("id", ("name dovecot",), "", Quirk.VANISHED_FROM_ZERO),
)


def of(
    *,
    greeting: str = "",
    server_id: Iterable[tuple[str, str]] | None = None,
    capabilities: Iterable[str] = (),
) -> frozenset[Quirk]:
    """The quirks that these three betray; any of them may still be unknown."""
    said = {
        "greeting": [greeting.lower()],
        "id": [f"{field} {value}".lower() for field, value in server_id or ()],
        "capability": [name.lower() for name in capabilities],
    }
    found: set[Quirk] = set()
    for sign in _SIGNS:
        if any(_shows(sign, text) for text in said[sign.where]):
            found |= sign.quirks
    return frozenset(found)


def _shows(sign: _Sign, text: str) -> bool:
    if not any(word in text for word in sign.words):
        return False
    return sign.pattern is None or sign.pattern.search(text) is not None
