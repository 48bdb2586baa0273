"""The planner's truth table, cell by cell, and its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcli.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flags
from mailcli.store.values import Agreed
from mailcli.sync.imap.plan import (
    Action,
    Download,
    Expunge,
    Forget,
    Gone,
    Hide,
    Move,
    Policy,
    Purged,
    Remote,
    Revive,
    SetFlags,
    Store,
    Upload,
    merge_flags,
    plan,
)

HERE, THERE = 1, 2
NONE: Flags = frozenset()
S, F, A, D = frozenset({SEEN}), frozenset({FLAGGED}), frozenset({ANSWERED}), frozenset({DELETED})


def remote(
    flags: dict[int, Flags] | None = None, gone: set[int] | None = None, keywords: bool = True
) -> Remote:
    return Remote(flags or {}, gone or set(), S | F | A, keywords)


same_here = Agreed("m", 7, NONE, NONE, HERE)
flagged_here = Agreed("m", 7, NONE, F, HERE)
moved_here = Agreed("m", 7, NONE, NONE, THERE)
purged_here = Purged("m", 7, NONE)
hidden_here = Purged("m", 7, NONE, hidden=True)

TABLE: list[tuple[str, Agreed | Purged, Remote, list[Action]]] = [
    ("same, same", same_here, remote(), []),
    ("same, flags", same_here, remote({7: S}), [SetFlags("m", S, S, NONE)]),
    ("same, gone", same_here, remote(gone={7}), [Gone("m")]),
    ("flags, same", flagged_here, remote(), [Store((7,), ("m",), F, NONE)]),
    ("flags, flags", flagged_here, remote({7: S}), [SetFlags("m", S, S, NONE), Store((7,), ("m",), F, NONE)]),
    ("flags, gone", flagged_here, remote(gone={7}), [Gone("m")]),
    ("moved, same", moved_here, remote(), [Move((7,), ("m",), THERE)]),
    ("moved, flags", moved_here, remote({7: S}), [SetFlags("m", S, S, NONE), Move((7,), ("m",), THERE)]),
    ("moved, gone", moved_here, remote(gone={7}), [Upload("m")]),
    ("purged, same", purged_here, remote(), [Expunge((7,), ("m",))]),
    ("purged, seen", purged_here, remote({7: S}), [Expunge((7,), ("m",))]),
    ("purged, flagged", purged_here, remote({7: F}), [Revive("m", 7, F)]),
    ("purged, gone", purged_here, remote(gone={7}), [Forget("m")]),
    ("purged, deleted", purged_here, remote({7: D}), [Expunge((7,), ("m",))]),
    ("hidden, same", hidden_here, remote(), []),
    ("hidden, flagged", hidden_here, remote({7: F}), []),
    ("hidden, gone", hidden_here, remote(gone={7}), [Forget("m")]),
]


@pytest.mark.parametrize(
    ("message", "server", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_every_cell_of_the_truth_table(
    message: Agreed | Purged, server: Remote, expected: list[Action]
) -> None:
    placed = [message] if isinstance(message, Agreed) else []
    purged = [message] if isinstance(message, Purged) else []
    found = plan(HERE, placed, purged, server)
    assert [(type(a), a) for a in found] == [(type(a), a) for a in expected]


def test_a_message_only_the_server_has_is_downloaded_newest_first() -> None:
    assert plan(HERE, [], [], remote({3: S, 9: NONE, 5: F})) == [Download(9), Download(5), Download(3)]


def test_equal_flag_changes_travel_together_in_ascending_order() -> None:
    messages = [Agreed(str(n), n, NONE, F, HERE) for n in (5, 3, 4)]
    assert plan(HERE, messages, [], remote()) == [Store((3, 4, 5), ("3", "4", "5"), F, NONE)]


def test_without_push_nothing_goes_to_the_server() -> None:
    messages = [flagged_here, moved_here._replace(id="n", uid=8)]
    actions = plan(HERE, messages, [purged_here._replace(id="o", uid=9)], remote({7: S}), Policy(push=False))
    assert actions == [SetFlags("m", S, S, NONE)]


def test_where_nothing_is_to_be_expunged_a_purged_message_is_hidden() -> None:
    policy = Policy(expunge=False)
    assert plan(HERE, [], [purged_here], remote(), policy) == [Hide("m")]
    assert plan(HERE, [], [purged_here], remote(gone={7}), policy) == [Forget("m")]
    assert plan(HERE, [], [purged_here], remote({7: F}), policy) == [Revive("m", 7, F)]


def test_a_flag_the_server_cannot_keep_stays_here_and_is_not_pushed() -> None:
    work = frozenset({"work"})
    tagged = Agreed("m", 7, NONE, work, HERE)
    assert plan(HERE, [tagged], [], remote(keywords=False)) == [SetFlags("m", work, NONE, NONE)]
    agreed = tagged._replace(base=work)
    assert plan(HERE, [agreed], [], remote(keywords=False)) == []
    assert plan(HERE, [agreed], [], remote({7: S}, keywords=False)) == [SetFlags("m", S | work, S, NONE)]
    removed = Agreed("m", 7, work, NONE, HERE)
    assert plan(HERE, [removed], [], remote(keywords=False)) == [SetFlags("m", NONE, NONE, NONE)]


def test_where_the_base_was_lost_the_flags_of_both_sides_are_united() -> None:
    lost = Agreed("m", 7, None, F, HERE)
    assert plan(HERE, [lost], [], remote({7: S})) == [SetFlags("m", S, S, NONE), Store((7,), ("m",), F, NONE)]


flag_sets = st.frozensets(st.sampled_from([SEEN, FLAGGED, ANSWERED, "work", "$Forwarded"]))


@given(flag_sets, flag_sets, flag_sets)
def test_a_merge_carries_every_change_of_either_side(base: Flags, local: Flags, server: Flags) -> None:
    merged = merge_flags(base, local, server)
    for flag in base | local | server:
        changed_here = (flag in local) != (flag in base)
        wanted = (flag in local) if changed_here else (flag in server)
        assert (flag in merged.flags) == wanted
    assert (server | merged.add) - merged.remove == merged.there == merged.flags
    assert not merged.add & server and merged.remove <= server


@given(flag_sets, flag_sets, flag_sets)
def test_after_the_plan_is_carried_out_a_second_plan_is_empty(
    base: Flags, local: Flags, server: Flags
) -> None:
    message = Agreed("m", 7, base, local, HERE)
    there, here, agreed = server, local, base
    for action in plan(HERE, [message], [], remote({7: server})):
        if isinstance(action, SetFlags):
            here, agreed = (here | action.add) - action.remove, action.base
        elif isinstance(action, Store):
            there = (there | action.add) - action.remove
            agreed = there
    assert here == there
    assert plan(HERE, [Agreed("m", 7, agreed, here, HERE)], [], remote({7: there})) == []


# -- a simulated server and mailbox -----------------------------------------------------------------


class World:
    """One folder on both sides, and another to move to. A body is its message's id."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.there: dict[int, tuple[str, Flags]] = {}  # in HERE on the server
        self.moved: dict[str, Flags] = {}  # in THERE on the server
        self.placed: dict[str, Agreed] = {}
        self.tombs: dict[str, Purged] = {}
        self.unbound: set[str] = set()  # here only, to be uploaded
        self.recovery: set[str] = set()

    def bodies(self) -> set[str]:
        on_server = {body for body, _ in self.there.values()} | self.moved.keys()
        return on_server | self.placed.keys() | self.unbound | self.recovery

    def plan(self) -> list[Action]:
        """After a look at every message."""
        known = {m.uid for m in self.placed.values()} | {t.uid for t in self.tombs.values()}
        flags = {uid: flags for uid, (_, flags) in self.there.items()}
        seen = Remote(flags, known - flags.keys(), NONE, True)
        return plan(HERE, self.placed.values(), self.tombs.values(), seen, self.policy)

    def carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Download(uid):
                    body, flags = self.there[uid]
                    self.placed[body] = Agreed(body, uid, flags, flags, HERE)
                case SetFlags(id, base, add, remove):
                    m = self.placed[id]
                    self.placed[id] = m._replace(base=base, flags=(m.flags | add) - remove)
                case Gone(id):
                    del self.placed[id]
                    self.recovery.add(id)
                case Upload(id):
                    del self.placed[id]
                    self.unbound.add(id)
                case Forget(id):
                    del self.tombs[id]
                case Revive(id, uid, flags):
                    del self.tombs[id]
                    self.placed[id] = Agreed(id, uid, flags, flags, HERE)
                case Hide(id):
                    self.tombs[id] = self.tombs[id]._replace(hidden=True)
                case Store(uids, ids, add, remove):
                    for uid, id in zip(uids, ids, strict=True):
                        body, flags = self.there[uid]
                        self.there[uid] = body, (flags | add) - remove
                        self.placed[id] = self.placed[id]._replace(base=self.there[uid][1])
                case Move(uids, ids, _):
                    for uid, id in zip(uids, ids, strict=True):
                        body, self.moved[body] = self.there[uid][0], self.there.pop(uid)[1]
                        del self.placed[id]
                case Expunge(uids, ids):
                    for uid, id in zip(uids, ids, strict=True):
                        del self.there[uid]
                        del self.tombs[id]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World(Policy(push=draw(st.booleans()), expunge=draw(st.booleans())))
    for uid in range(1, draw(st.integers(0, 8)) + 1):
        id = f"m{uid}"
        base, local, server = draw(flag_sets), draw(flag_sets), draw(flag_sets)
        here = draw(st.sampled_from(["same", "moved", "purged", "hidden", "unknown"]))
        if here == "unknown" or draw(st.booleans()):
            world.there[uid] = id, server
        if here in ("same", "moved"):
            lost = draw(st.booleans())
            folder = HERE if here == "same" else THERE
            world.placed[id] = Agreed(id, uid, None if lost else base, local, folder)
        elif here in ("purged", "hidden"):
            world.tombs[id] = Purged(id, uid, base, hidden=here == "hidden")
            world.recovery.add(id)
    return world


@given(worlds())
def test_both_sides_agree_after_the_plan_and_no_body_is_lost(world: World) -> None:
    bodies = world.bodies()
    before = dict(world.there)
    world.carry_out(world.plan())
    assert world.bodies() >= bodies
    assert world.plan() == []
    if not world.policy.push:
        assert world.there == before
        assert not world.moved
    known = {m.uid for m in world.placed.values()} | {t.uid for t in world.tombs.values()}
    assert known == world.there.keys()
    for message in world.placed.values():
        if world.policy.push:
            assert message.folder == HERE
            assert message.flags == world.there[message.uid][1]
    if not world.policy.expunge:
        assert len(world.there) + len(world.moved) == len(before)
