"""Gmail as its documentation and its answers have it: folders are labels, a message has one X-GM-MSGID and
its flags in all of them, what leaves its last label is still in All Mail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mailcli.wire.imap.uidset import UidSet
from tests.security.scripted import Imap, Says

INBOX, ALL, TRASH, SPAM = b"INBOX", b"[Gmail]/All Mail", b"[Gmail]/Trash", b"[Gmail]/Spam"
_ATTRIBUTES = {
    ALL: b"\\All \\HasNoChildren",
    TRASH: b"\\HasNoChildren \\Trash",
    SPAM: b"\\HasNoChildren \\Junk",
    b"[Gmail]/Sent Mail": b"\\HasNoChildren \\Sent",
    b"[Gmail]/Drafts": b"\\Drafts \\HasNoChildren",
}
_FIRST = 1278455344230334865


class Gmail(Imap):
    """`boxes` maps each label's UIDs to the numbers of messages, `letters` those to octets."""

    greeting = b"* OK Gimap ready for requests from 192.0.2.1 x2mb1\r\n"
    capabilities = (
        b"IMAP4rev1 UNSELECT IDLE NAMESPACE ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE"
        b" ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE"
    )
    object_item = b"X-GM-MSGID"

    def __init__(self, says: Mapping[str, Says] | None = None, *, labels: Iterable[bytes] = ()) -> None:
        super().__init__(says, mail={})
        self.boxes: dict[bytes, dict[int, int]] = {b: {} for b in (INBOX, *labels, *_ATTRIBUTES)}
        self.uidnexts = dict.fromkeys(self.boxes, 1)
        self.letters: dict[int, bytes] = {}
        self.flags: dict[int, set[bytes]] = {}
        self.deleted: set[tuple[bytes, int]] = set()
        self.modseq = 100
        self.highest = dict.fromkeys(self.boxes, self.modseq)
        self.touched: dict[int, int] = {}
        self.open = b""

    # -- what happens there --------------------------------------------------------------------

    def arrive(self, data: bytes, *labels: bytes) -> int:
        """A new message with these labels; returns its number."""
        number = _FIRST + len(self.letters)
        self.letters[number] = data
        self.flags[number] = set()
        for box in (*labels, ALL):
            self.label(number, box)
        return number

    def label(self, number: int, box: bytes) -> int:
        """Its UID there, a new one unless it was there."""
        for uid, held in self.boxes[box].items():
            if held == number:
                return uid
        uid = self.uidnexts[box]
        self.uidnexts[box] = uid + 1
        self.boxes[box][uid] = number
        self.touch(number)
        return uid

    def unlabel(self, number: int, box: bytes) -> None:
        self.boxes[box] = {u: n for u, n in self.boxes[box].items() if n != number}
        self._bump({box})

    def flag(self, number: int, *flags: bytes) -> None:
        self.flags[number].update(flags)
        self.touch(number)

    def touch(self, number: int) -> None:
        self._bump(self.labels(number))
        self.touched[number] = self.modseq

    def _bump(self, boxes: Iterable[bytes]) -> None:
        self.modseq += 1
        self.highest.update(dict.fromkeys(boxes, self.modseq))

    def labels(self, number: int) -> set[bytes]:
        return {box for box, held in self.boxes.items() if number in held.values()}

    # -- what it says --------------------------------------------------------------------------

    def honest(self, name: str, tag: bytes, arguments: bytes) -> bytes:
        done = tag + b" OK Success\r\n"
        if name == "NAMESPACE":
            return b'* NAMESPACE (("" "/")) NIL NIL\r\n' + done
        if name == "ENABLE":
            return b"* ENABLED CONDSTORE\r\n" + done
        if name == "LIST":
            return self._listed(arguments) + done
        if name == "STATUS":
            box = _mailbox(arguments)
            return self._status(box) + done if box in self.boxes else tag + b" NO [NONEXISTENT] Unknown\r\n"
        if name in ("SELECT", "EXAMINE"):
            return self._opened(tag, _mailbox(arguments))
        if name == "FETCH":
            return self._fetch(arguments) + done
        if name == "SEARCH":
            return self._search(arguments) + done
        if name == "STORE":
            return self._store(arguments) + done
        if name in ("MOVE", "COPY"):
            return self._copy(tag, arguments, move=name == "MOVE")
        if name == "EXPUNGE":
            return self._expunge(arguments) + done
        if name == "CREATE":
            self.boxes.setdefault(_mailbox(arguments), {})
            self.uidnexts.setdefault(_mailbox(arguments), 1)
            self.highest.setdefault(_mailbox(arguments), self.modseq)
        return super().honest(name, tag, arguments)

    def _listed(self, arguments: bytes) -> bytes:
        wanted = re.findall(rb'"[^"]*"|[^ ]+', arguments)[1].strip(b'"')
        lines = [b'* LIST (\\HasChildren \\NonExistent \\NoSelect) "/" "[Gmail]"\r\n']
        for box in self.boxes:
            if wanted in (b"*", b"%", box):
                lines.append(
                    b'* LIST (%s) "/" "%s"\r\n' % (_ATTRIBUTES.get(box, b"\\HasNoChildren \\Subscribed"), box)
                )
                lines.append(self._status(box) if b"STATUS" in arguments else b"")
        return b"".join(lines)

    def _status(self, box: bytes) -> bytes:
        return b'* STATUS "%s" (MESSAGES %d UIDNEXT %d UIDVALIDITY %d HIGHESTMODSEQ %d)\r\n' % (
            box,
            len(self.boxes[box]),
            self.uidnexts[box],
            self.uidvalidity,
            self.highest[box],
        )

    def _opened(self, tag: bytes, box: bytes) -> bytes:
        self.open = box
        return (
            b"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $Phishing)\r\n"
            b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] Flags permitted.\r\n"
            b"* OK [UIDVALIDITY %d] UIDs valid.\r\n* %d EXISTS\r\n* 0 RECENT\r\n"
            b"* OK [UIDNEXT %d] Predicted next UID.\r\n* OK [HIGHESTMODSEQ %d]\r\n"
            % (self.uidvalidity, len(self.boxes[box]), self.uidnexts[box], self.highest[box])
        ) + b"%s OK [READ-WRITE] %s selected. (Success)\r\n" % (tag, box)

    def _chosen(self, text: bytes) -> list[int]:
        held = sorted(self.boxes[self.open])
        if text.endswith(b":*"):
            return [u for u in held if u >= int(text[:-2])] or held[-1:]
        return [u for u in held if u in UidSet.parse(text)]

    def _fetch(self, arguments: bytes) -> bytes:
        text, _, items = arguments.partition(b" ")
        since = re.search(rb"CHANGEDSINCE (\d+)", items)
        return b"".join(
            self._facts(uid, items)
            for uid in self._chosen(text)
            if since is None or self.touched[self.boxes[self.open][uid]] > int(since[1])
        )

    def _facts(self, uid: int, items: bytes) -> bytes:
        number = self.boxes[self.open][uid]
        data = self.letters[number]
        seq = sorted(self.boxes[self.open]).index(uid) + 1
        facts = [self._object(number)] if self.object_item in items else []
        facts.append(b"UID %d" % uid)
        if b"RFC822.SIZE" in items:
            facts.append(b"RFC822.SIZE %d" % len(data))
        if b"INTERNALDATE" in items:
            facts.append(b'INTERNALDATE " 1-Jan-2020 00:00:00 +0000"')
        if b"FLAGS" in items:
            gone = {b"\\Deleted"} if (self.open, uid) in self.deleted else set()
            facts.append(b"FLAGS (%s)" % b" ".join(sorted(self.flags[number] | gone)))
        if b"BODY.PEEK[]" in items:
            facts.append(b"BODY[] {%d}\r\n%s" % (len(data), data))
        elif b"BODY.PEEK[HEADER]" in items:
            head = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            facts.append(b"BODY[HEADER] {%d}\r\n%s" % (len(head), head))
        elif b"HEADER.FIELDS" in items:
            found = re.search(rb"(?mi)^message-id:.*\r\n", data)
            value = (found[0] if found else b"") + b"\r\n"
            facts.append(b"BODY[HEADER.FIELDS (MESSAGE-ID)] {%d}\r\n%s" % (len(value), value))
        return b"* %d FETCH (%s)\r\n" % (seq, b" ".join(facts))

    def _object(self, number: int) -> bytes:
        return b"X-GM-MSGID %d" % number

    def _search(self, arguments: bytes) -> bytes:
        named = re.search(rb"UID ([0-9:,]+)", arguments)
        found = self._chosen(named[1]) if named else sorted(self.boxes[self.open])
        if wanted := re.search(self.object_item + rb" (\S+)", arguments):
            held = self.boxes[self.open]
            found = [u for u in found if self._object(held[u]).split()[1].strip(b"()") == wanted[1]]
        if b"DELETED" in arguments:
            found = [u for u in found if (self.open, u) in self.deleted]
        if b"RETURN" in arguments:
            listed = b" ALL " + str(UidSet.of(found)).encode() if found else b""
            return b'* ESEARCH (TAG "x") UID%s\r\n' % listed
        return b"* SEARCH" + b"".join(b" %d" % u for u in found) + b"\r\n"

    def _store(self, arguments: bytes) -> bytes:
        text, sign, flags = re.fullmatch(rb"(\S+) ([+-])FLAGS(?:\.SILENT)? \((.*)\)", arguments).groups()  # type: ignore[union-attr]
        for uid in self._chosen(text):
            number = self.boxes[self.open][uid]
            names = set(flags.split())
            if b"\\Deleted" in names:
                (self.deleted.add if sign == b"+" else self.deleted.discard)((self.open, uid))
                names.discard(b"\\Deleted")
            self.flags[number] = self.flags[number] | names if sign == b"+" else self.flags[number] - names
            self.touch(number)
        return b""

    def _copy(self, tag: bytes, arguments: bytes, *, move: bool) -> bytes:
        text, _, rest = arguments.partition(b" ")
        target = _mailbox(rest)
        if target not in self.boxes:
            return tag + b" NO [TRYCREATE] No folder %s (Failure)\r\n" % target
        pairs, lines = [], b""
        for uid in self._chosen(text):
            number = self.boxes[self.open][uid]
            before = sorted(self.boxes[self.open])
            if move and self.open != ALL:
                self.unlabel(number, self.open)
            if target in (TRASH, SPAM):
                for box in self.labels(number):
                    self.unlabel(number, box)
            if uid not in self.boxes[self.open]:
                lines += b"* %d EXPUNGE\r\n" % (before.index(uid) + 1)
            pairs.append((uid, self.label(number, target)))
        code = b" ".join(str(UidSet.of([p[n] for p in pairs])).encode() for n in (0, 1))
        return lines + b"%s OK [COPYUID %d %s] (Success)\r\n" % (tag, self.uidvalidity, code)

    def _expunge(self, arguments: bytes) -> bytes:
        lines = b""
        for uid in self._chosen(arguments):
            if (self.open, uid) in self.deleted:
                number = self.boxes[self.open][uid]
                lines += b"* %d EXPUNGE\r\n" % (sorted(self.boxes[self.open]).index(uid) + 1)
                self.unlabel(number, self.open)
        return lines


class Objects(Gmail):
    """A server with object ids (RFC 8474) and folders of the usual kind, such as Cyrus has them."""

    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n"
    capabilities = (
        b"IMAP4rev1 UNSELECT ENABLE UIDPLUS MOVE CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS"
        b" SPECIAL-USE OBJECTID"
    )
    object_item = b"EMAILID"

    def _object(self, number: int) -> bytes:
        return b"EMAILID (M%x)" % number


def _mailbox(arguments: bytes) -> bytes:
    quoted = re.match(rb'"([^"]*)"', arguments)
    return quoted[1] if quoted else arguments.split()[0]
