"""Telling the server what changed here. Whatever cannot simply be said twice (APPEND, COPY, MOVE)
is written down before it is sent, and if its answer is lost, the outcome is found by looking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mailcli.errors import MailcliError
from mailcli.model.flags import Flags
from mailcli.model.message import Summary
from mailcli.model.record import NamedTuple
from mailcli.store.store import Store
from mailcli.store.values import Agreed, Bound, FlagsAgreed, PendingAppend, PendingCopy, SyncChanges
from mailcli.sync.imap import plan as planner
from mailcli.sync.imap.outcomes import settle_these
from mailcli.sync.imap.removal import remove, select
from mailcli.sync.imap.server import Server, only, refusal
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Appended, Completed, Copied, Event
from mailcli.wire.imap.quirks import Quirk
from mailcli.wire.imap.uidset import UidSet

APPEND_OCTETS: Final = 8 << 20
APPEND_MESSAGES: Final = 20

_FORBIDDEN: Final = frozenset({"NOPERM", "READ-ONLY"})
"""Response codes (RFC 5530, RFC 9051 §7.1) of a NO that stays one until somebody grants a right."""


class Refused(NamedTuple):
    """What the server would not do in a folder. `forbidden`: nor will it the next time."""

    folder: int
    error: MailcliError
    forbidden: bool


class Push:
    """Pushing to one server. `names` are the server's mailboxes by our folder keys, of those that
    take part. Refusals are gathered in `refused` and do not end the run."""

    def __init__(self, store: Store, server: Server, names: Mapping[int, str]) -> None:
        self.store = store
        self.server = server
        self.names = names
        self.refused: list[Refused] = []
        self.gone = 0  # messages that were found gone while looking

    # -- one folder ----------------------------------------------------------------------------

    def carry_out(self, folder: int, actions: Sequence[planner.Action], placed: Iterable[Agreed]) -> int:
        """Do the Store, Move and Expunge actions of a folder; returns how many messages the server
        was told about."""
        if not select(self.store, self.server, folder, self.names[folder]):
            return 0  # numbered anew since it was looked at
        bases = {m.id: m.base or frozenset() for m in placed}
        bases.update((a.id, a.base) for a in actions if isinstance(a, planner.SetFlags))
        told = 0
        for action in actions:
            if isinstance(action, planner.Store):
                self._set_flags(action, bases)
                told += len(action.ids)
            elif isinstance(action, planner.Move):
                if action.to not in self.names:
                    continue  # its folder does not take part in this run
                told += self._move(folder, action)
                if not select(self.store, self.server, folder, self.names[folder]):
                    break  # numbered anew meanwhile: the next run finds out
            elif isinstance(action, planner.Expunge):
                told += remove(self.store, self.server, folder, action.uids)
        return told

    def _set_flags(self, action: planner.Store, bases: Mapping[str, Flags]) -> None:
        commands = [
            imap.Store(part, sign, flags)
            for part in self.server.parts(action.uids)
            for sign, flags in (("+", action.add), ("-", action.remove))
            if flags
        ]
        self.server.ask(*commands)
        agreed = [FlagsAgreed(i, (bases[i] | action.add) - action.remove) for i in action.ids]
        self.store.apply(SyncChanges(flags=agreed))

    def _move(self, folder: int, action: planner.Move) -> int:
        """Move, in as many commands as the set of UIDs needs. If one is refused, those before it
        are done all the same. Without MOVE the original is expunged once the copy is known."""
        seqs = self.store.begin_operations(
            "move",
            action.ids,
            folder=folder,
            destination=action.to,
            stage="sent",
            uidnext_before=self.store.folder_state(action.to).uidnext or 1,
        )
        verb = imap.Move if self.server.has("MOVE") else imap.Copy
        copied: dict[int, int] = {}
        untouched = set(action.uids)
        for part in self._parts(action.uids):
            events, done = self._try(action.to, verb(part, self.names[action.to]))
            copied |= self._pairs(events, action.to)
            if not done:
                break
            untouched.difference_update(part)
        moved = [(i, u) for i, u in zip(action.ids, action.uids, strict=True) if u in copied]
        unsure = [s for u, s in zip(action.uids, seqs, strict=True) if u not in copied and u not in untouched]
        changes = SyncChanges(
            bound=[Bound(i, action.to, copied[u]) for i, u in moved],
            ended=[s for s in seqs if s not in unsure],
        )
        if verb is imap.Copy:
            changes.left += [i for i, _ in moved]
        self.store.apply(changes)
        if verb is imap.Copy:
            remove(self.store, self.server, folder, [u for _, u in moved])
        if unsure:
            self.gone += settle_these(self.store, self.server, unsure, self.names)
        return len(action.ids) - len(untouched)

    def _parts(self, uids: Iterable[int]) -> list[UidSet]:
        """The sets for MOVE and COPY: one message each where COPYUID names the wrong ones."""
        if Quirk.COPYUID_MISPAIRED in self.server.quirks:
            return [UidSet.of([uid]) for uid in sorted(set(uids))]
        return self.server.parts(uids)

    def _pairs(self, events: Iterable[Event], destination: int) -> dict[int, int]:
        """COPYUID as source to destination. A lying one (lengths that differ), or one of another
        numbering than we know, counts as none."""
        pairs: dict[int, int] = {}
        for copied in only(Copied, events):
            if len(copied.source) == len(copied.destination) and self._numbered(destination, copied):
                pairs.update(zip(copied.source, copied.destination, strict=True))
        return pairs

    def _numbered(self, folder: int, answer: Copied | Appended) -> bool:
        known = self.store.folder_state(folder).uidvalidity
        return known is None or known == answer.uidvalidity

    def _try(self, folder: int, command: imap.Copy | imap.Move | imap.Append) -> tuple[list[Event], bool]:
        """Send a command that fills a folder; make the folder and try once more if the server says
        so (TRYCREATE, RFC 9051 §7.1). A refusal is noted."""
        events, answers = self.server.try_each(command)
        if answers[0].status == "NO" and _code(answers[0]) == "TRYCREATE":
            made = imap.Create(command.mailbox), imap.Subscribe(command.mailbox)
            events, answers = self.server.try_each(*made, command)
            answers = {0: answers[2]}
        if answers[0].status == "OK":
            return events, True
        self._refuse(folder, command, answers[0])
        return events, False

    def _refuse(self, folder: int, command: imap.Command, answer: Completed) -> None:
        error = refusal(command, answer, self.server.label)
        self.refused.append(Refused(folder, error, _code(answer) in _FORBIDDEN))

    # -- what the server has no copy of --------------------------------------------------------

    def upload(self, account: str) -> int:
        """Copy and append what the server lacks; returns how many messages."""
        pending = self.store.pending(account)
        by_source: dict[tuple[int, int], list[PendingCopy]] = {}
        for copy in pending.copies:
            if copy.source in self.names and copy.destination in self.names:
                by_source.setdefault((copy.source, copy.destination), []).append(copy)
        told = 0
        for (source, destination), copies in by_source.items():
            told += self._copy(source, destination, copies)
        for batch in _batches(self.store, [a for a in pending.appends if a.folder in self.names]):
            told += self._append(batch)
        return told

    def _copy(self, source: int, destination: int, copies: Sequence[PendingCopy]) -> int:
        if not select(self.store, self.server, source, self.names[source]):
            return 0  # a later run does it, with the new UIDs
        seqs = self.store.begin_operations(
            "copy",
            [c.id for c in copies],
            folder=source,
            destination=destination,
            stage="sent",
            uidnext_before=self.store.folder_state(destination).uidnext or 1,
        )
        copied: dict[int, int] = {}
        untouched = {c.uid for c in copies}
        for part in self._parts(untouched):
            events, done = self._try(destination, imap.Copy(part, self.names[destination]))
            copied |= self._pairs(events, destination)
            if not done:
                break
            untouched.difference_update(part)
        origins = self.store.places([c.origin for c in copies])
        # The copy took the original's flags with it; what differs here is stored by a later step.
        flags = {c.uid: p.flags for c, p in zip(copies, origins, strict=True)}
        bound, rest = [], []
        for copy, seq in zip(copies, seqs, strict=True):
            uid = copied.pop(copy.uid, None)
            if uid is not None:
                bound.append(Bound(copy.id, destination, uid, flags[copy.uid]))
            elif copy.uid not in untouched:
                rest.append(seq)
        self.store.apply(SyncChanges(bound=bound, ended=[s for s in seqs if s not in rest]))
        if rest:
            self.gone += settle_these(self.store, self.server, rest, self.names)
        return sum(c.uid not in untouched for c in copies)

    def _append(self, batch: Sequence[Summary]) -> int:
        """One flight of APPENDs; bind what was answered with APPENDUID, look for the rest."""
        folders = [place.folder for place in self.store.places([m.id for m in batch])]
        seqs, commands = [], []
        for message, folder in zip(batch, folders, strict=True):
            state = self.store.folder_state(folder)
            seqs += self.store.begin_operations(
                "append", [message.id], destination=folder, stage="sent", uidnext_before=state.uidnext or 1
            )
            kept = _keepable(message.flags, state.permanent_flags)
            data = self.store.open_bytes(message.id)
            commands.append(imap.Append(self.names[folder], data, kept, message.arrived))
        events, _ = self.server.try_each(*commands)
        changes = SyncChanges()
        unsure: list[int] = []
        for place, (answer, appended) in enumerate(_answered(events)):
            folder, command = folders[place], commands[place]
            done = answer.status == "OK"
            if not done and _code(answer) == "TRYCREATE":
                more, done = self._try(folder, command)
                appended = next(iter(only(Appended, more)), None)
            elif not done:
                self._refuse(folder, command, answer)
            if done and appended and len(appended.uids) == 1 and self._numbered(folder, appended):
                (uid,) = appended.uids
                changes.bound.append(Bound(batch[place].id, folder, uid, command.flags))
            elif done:
                unsure.append(seqs[place])
        changes.ended += [s for s in seqs if s not in unsure]
        self.store.apply(changes)
        if unsure:
            self.gone += settle_these(self.store, self.server, unsure, self.names)
        return len(changes.bound) + len(unsure)


def _answered(events: Iterable[Event]) -> list[tuple[Completed, Appended | None]]:
    """Each completion with the APPENDUID before it."""
    answered: list[tuple[Completed, Appended | None]] = []
    appended: Appended | None = None
    for event in events:
        if isinstance(event, Appended):
            appended = event
        elif isinstance(event, Completed):
            answered.append((event, appended))
            appended = None
    return answered


def _code(answer: Completed) -> str:
    return answer.code.name if answer.code else ""


def _batches(store: Store, appends: Sequence[PendingAppend]) -> Iterable[list[Summary]]:
    """Messages to append, in flights of bounded size."""
    batch: list[Summary] = []
    octets = 0
    for summary in store.get([a.id for a in appends]):
        if batch and (octets + summary.size > APPEND_OCTETS or len(batch) == APPEND_MESSAGES):
            yield batch
            batch, octets = [], 0
        batch.append(summary)
        octets += summary.size
    if batch:
        yield batch


def _keepable(flags: Flags, permanent: Flags | None) -> Flags:
    if permanent is None or "\\*" in permanent:
        return flags
    return flags & permanent
