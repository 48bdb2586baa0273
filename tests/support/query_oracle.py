"""What a query should find, worked out message by message: the truth that searches are held to.

It shares the folding of texts and the tokenizer with the store, and nothing of how terms are put
together, bounded, windowed or read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailcli.model import flags
from mailcli.model.query.ast import (
    Among,
    And,
    Everything,
    InThread,
    Name,
    Near,
    Node,
    Not,
    Or,
    Own,
    Query,
    Regex,
    Saved,
    Size,
    Text,
    When,
)
from mailcli.store import fulltext
from mailcli.store.tokens import folded, needed_words, signed_words
from tests.support.small_mailbox import FOLDERS, Message, SmallMailbox


class Oracle:
    """Evaluates queries over a small mailbox in plain Python."""

    def __init__(self, mailbox: SmallMailbox, own: Sequence[str]) -> None:
        self._messages = mailbox.messages
        self._own = own
        self._threads = mailbox.threads()
        name, *options = fulltext.TOKENIZER
        self._tokenizer = mailbox.connection.fts5_tokenizer(name, options)

    def find(self, query: Query) -> list[int]:
        """Row ids, newest first."""
        special = {f"{account}/{name}": use for account, name, use in FOLDERS}
        found = [
            m.rid
            for m in self._messages
            if (query.everywhere or special[m.folder] not in ("Spam", "Trash")) and self._holds(query.node, m)
        ]
        return sorted(found, reverse=True)

    def _holds(self, node: Node, m: Message) -> bool:
        match node:
            case And(children):
                return all(self._holds(child, m) for child in children)
            case Or(children):
                return any(self._holds(child, m) for child in children)
            case Not(child):
                return not self._holds(child, m)
            case Saved(_, child):
                return self._holds(child, m)
            case InThread(child):
                return any(
                    self._threads[other.rid] == self._threads[m.rid] and self._holds(child, other)
                    for other in self._messages
                )
            case Everything():
                return True
            case Text(field, text, prefix):
                return self._contains(m, field, text, prefix=prefix)
            case Near():
                return self._near(node, m)
            case Regex(field, pattern):
                return re.search(pattern, "\n".join(self._texts(m, field)), re.I | re.M) is not None
            case When(_, _, low, high):
                date = m.content.envelope.date
                return date is not None and (low is None or date >= low) and (high is None or date <= high)
            case Size(_, _, least, most):
                size = len(m.raw)
                return (least is None or size >= least) and (most is None or size <= most)
            case Own(field):
                texts = "\n".join(self._texts(m, field)).lower()
                return any(re.search(rf"(?:^| ){re.escape(e)}$", texts, re.M) is not None for e in self._own)
            case Among(_, ids):
                return m.id in ids
            case Name():
                return self._named(node, m)

    def _texts(self, m: Message, field: str) -> list[str]:
        """The texts of a field, one for each column of the index."""
        envelope = m.content.envelope
        columns = {
            "subject": envelope.subject,
            "from": "\n".join(f"{name} {email}" for name, email in envelope.sender),
            "to": "\n".join(f"{name} {email}" for name, email in envelope.to),
            "cc": "\n".join(f"{name} {email}" for name, email in envelope.cc),
            "list": envelope.list_id,
            "filename": "\n".join(m.content.filenames),
            "body": m.content.text,
        }
        return [columns[field]] if field else list(columns.values())

    def _tokens(self, text: str) -> list[str]:
        return [
            str(t)
            for t in self._tokenizer(
                folded(text).encode(), 4, None, include_offsets=False, include_colocated=False
            )
        ]

    def _contains(self, m: Message, field: str, text: str, *, prefix: bool) -> bool:
        texts = self._texts(m, field)
        phrase = self._tokens(text)
        if not phrase:
            return text.casefold() in "\n".join(texts).casefold()
        star = prefix and folded(text)[-1:].isalnum()
        return any(self._starts(phrase, t, star=star) for t in texts) and self._signed(
            texts, text, prefix=prefix
        )

    def _signed(self, texts: list[str], text: str, *, prefix: bool) -> bool:
        there = [word.casefold() for t in texts for word in signed_words(folded(t))]
        return all(
            any(w == word.casefold() or (prefix and last and w.startswith(word.casefold())) for w in there)
            for word, last in needed_words(folded(text))
        )

    def _starts(self, phrase: list[str], text: str, *, star: bool) -> list[int]:
        tokens = [*self._tokens(text)]
        found = []
        for n in range(len(tokens) - len(phrase) + 1):
            there = tokens[n : n + len(phrase)]
            if star:
                there[-1] = there[-1][: len(phrase[-1])]
            if there == phrase:
                found.append(n)
        return found

    def _near(self, node: Near, m: Message) -> bool:
        texts = self._texts(m, node.field)
        left, right = node.left, node.right
        one, other = self._tokens(left.text), self._tokens(right.text)
        if not all(self._signed(texts, t.text, prefix=t.prefix) for t in (left, right)):
            return False
        for text in texts:
            firsts = self._starts(one, text, star=left.prefix and folded(left.text)[-1:].isalnum())
            seconds = self._starts(other, text, star=right.prefix and folded(right.text)[-1:].isalnum())
            for a in firsts:
                for b in seconds:
                    gap = b - a - len(one) if a <= b else a - b - len(other)
                    if gap <= node.distance:
                        return True
        return False

    def _named(self, node: Name, m: Message) -> bool:
        field, word = node.field, node.text
        account, _, folder = m.folder.partition("/")
        has = m.flags.__contains__
        match field, word:
            case ("is", "unread"):
                return not has(flags.SEEN)
            case ("is", "read"):
                return has(flags.SEEN)
            case ("is", "flagged"):
                return has(flags.FLAGGED)
            case ("is", "answered" | "replied"):
                return has(flags.ANSWERED)
            case ("has", "attachment"):
                return m.content.attachments > 0
            case ("is" | "has", _):
                return word in m.content.marks
            case ("in", "any"):
                return True
            case ("in", _):
                return word.lower() in (folder.lower(), folder.lower().rpartition("/")[2])
            case ("account", _):
                return account == word
            case ("tag", _):
                return any(f.lower() == word or (node.prefix and f.startswith(word)) for f in m.flags)
            case ("id", _):
                return m.id.startswith(word)
            case ("mime", _):
                return any(t == word or t.startswith(f"{word}/") for t in m.content.types)
            case _:
                raise AssertionError(field)
