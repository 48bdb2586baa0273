"""Asking about many folders at once: their questions go out back to back on one connection, and the
answers are told apart by the mailbox that each names. Forty folders cost the round trip of one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

from mailcli.errors import MailcliError, RemoteProtocolError, Throttled, TryAgain
from mailcli.model.record import NamedTuple
from mailcli.sync.imap import delta, messagelimit
from mailcli.sync.imap.delta import Answer, Delta, Question
from mailcli.sync.imap.server import Server, refusal
from mailcli.wire.imap.commands import Command, Select
from mailcli.wire.imap.events import Completed

ABREAST: Final = 64
"""Folders asked about at once, and the messages their answers may name: more only makes the answers
wait in buffers."""
ABREAST_MESSAGES: Final = 200_000


class Refused(NamedTuple):
    """The server would not let us look into this folder; the others are not touched by that."""

    error: MailcliError


def survey(
    server: Server, questions: Iterable[Question], known: Callable[[int], Collection[int]]
) -> Iterator[tuple[int, Delta | Refused]]:
    """What changed in each folder, by its key, as the answers come.

    `known` gives the UIDs we hold of a folder (also those purged here and not expunged yet); it is
    asked once for each. A folder whose count disagrees with what we then hold is asked again, which
    UIDs it has, before its delta is given. Raises what ends the conversation.
    """
    asked = [(q, delta.commands(server, q)) for q in questions]
    unsettled: list[tuple[Question, Answer, Collection[int]]] = []
    for question, answer in _fly(server, asked):
        if answer.refused is not None:
            yield question.key, Refused(answer.refused)
            continue
        held = () if delta.rebuilt(question, answer) else known(question.key)
        if delta.agrees(server, question, answer, held):
            yield question.key, delta.reckon(server, question, answer, held)
        else:
            unsettled.append((question, answer, held))
    yield from _look_again(server, unsettled)


def _look_again(
    server: Server, unsettled: list[tuple[Question, Answer, Collection[int]]]
) -> Iterator[tuple[int, Delta | Refused]]:
    """The folders that disagree: which UIDs there are, then what those are that we did not hear of.

    The first answer's counters stay: what happened after it is found by the next run.
    """
    first = {q.key: (answer, held) for q, answer, held in unsettled}
    lacking: list[tuple[Question, Sequence[Command]]] = []
    for question, there in _fly(server, [(q, delta.which(server, q)) for q, _, _ in unsettled]):
        answer, held = first[question.key]
        if there.refused is not None or not delta.same_numbers(answer, there):
            yield question.key, Refused(there.refused or _renumbered(server, question))
            continue
        missing = answer.correct(there, held)
        if missing:
            lacking.append((question, delta.whose(server, question, missing)))
        else:
            yield question.key, delta.reckon(server, question, answer, held)
    for question, more in _fly(server, lacking):
        answer, held = first[question.key]
        if more.refused is not None or not delta.same_numbers(answer, more):
            yield question.key, Refused(more.refused or _renumbered(server, question))
            continue
        answer.flags.update(more.flags)
        answer.sizes.update(more.sizes)
        answer.objects.update(more.objects)
        yield question.key, delta.reckon(server, question, answer, held)


def _renumbered(server: Server, question: Question) -> MailcliError:
    return TryAgain(f"{server.label} renumbered {question.mailbox} while it was looked at")


def _fly(
    server: Server, asked: Sequence[tuple[Question, Sequence[Command]]]
) -> Iterator[tuple[Question, Answer]]:
    """Send the commands of each question, a bounded number of folders ahead of the answers."""
    waiting = deque(asked)
    flying: deque[tuple[Question, list[int], Answer]] = deque()
    by_mailbox: dict[str, Answer] = {}
    by_tag: dict[int, tuple[Answer, Command]] = {}
    limited: dict[int, Answer] = {}
    more: list[tuple[Question, Sequence[Command]]] = []
    weight = 0
    while waiting or flying:
        # Refilled by halves: a folder at a time would be a turn for each.
        if len(flying) <= ABREAST // 2:
            while waiting and len(flying) < ABREAST:
                question, commands = waiting[0]
                if flying and weight + question.expected > ABREAST_MESSAGES:
                    break
                waiting.popleft()
                answer = by_mailbox[question.mailbox] = Answer()
                tags = server.pump.send(*commands)
                by_tag.update((tag, (answer, c)) for tag, c in zip(tags, commands, strict=True))
                flying.append((question, tags, answer))
                weight += question.expected
        question, tags, answer = flying.popleft()
        for batch in server.until(tags[-1]):
            for event in batch:
                if isinstance(event, Completed):
                    _completed(server, by_tag.pop(event.tag, None), event)
                elif (about := by_mailbox.get(getattr(event, "mailbox", ""))) is not None:
                    about.take(event)
        weight -= question.expected
        by_mailbox.pop(question.mailbox, None)
        if answer.left and answer.refused is None:
            more.append((question, [Select(question.mailbox, question.examine), *answer.left]))
            limited[question.key] = answer
        else:
            yield question, answer
    for question, rest in _fly(server, more) if more else ():
        answer = limited[question.key]
        answer.join(rest)
        if not delta.same_numbers(answer, rest):
            answer.refused = answer.refused or _renumbered(server, question)
        yield question, answer


def _completed(server: Server, asked: tuple[Answer, Command] | None, event: Completed) -> None:
    """The first command of a folder that was refused says why; those behind it fail for its sake."""
    if asked is None:
        return
    answer, command = asked
    if event.ok:
        try:
            left = messagelimit.rest(command, event)
        except RemoteProtocolError as error:
            answer.refused = answer.refused or error
        else:
            answer.left += [left] if left else []
        return
    if isinstance(command, Select):
        server.selected = None  # RFC 9051 §6.3.2: after a refusal no mailbox is
    if answer.refused is None:
        answer.refused = refusal(command, event, server.label)
        if isinstance(answer.refused, Throttled):
            raise answer.refused
