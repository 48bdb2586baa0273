"""What a dry run tells: the counts of a real one, folder by folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mailcli.store.values import Pending
from mailcli.sync.imap import plan as planner
from mailcli.sync.imap.folders import Found
from mailcli.sync.imap.plan import Action
from mailcli.sync.tally import FolderPlan, Tally


def rehearse(
    tally: Tally,
    actions: Mapping[str, Sequence[Action]],
    coming: Mapping[str, int],
    unmade: Iterable[Found],
    pending: Pending,
    names: Mapping[int, str],
) -> None:
    """Count what was planned for each folder (`coming`: its new messages), what is in those that are
    not here yet, and what is to be uploaded."""
    plans = {name: _counted(name, some, coming.get(name, 0)) for name, some in actions.items()}
    for found in unmade:
        there = (found.status.messages or 0) if found.status else 0
        plans[found.name] = FolderPlan(found.name, new=there)
    uploads = [a.folder for a in pending.appends] + [c.destination for c in pending.copies]
    for name in (names[key] for key in uploads if key in names):
        plan = plans.get(name, FolderPlan(name))
        plans[name] = plan._replace(pushed=plan.pushed + 1)
    tally.plan = [plans[name] for name in sorted(plans, key=lambda n: (n != "INBOX", n))]
    tally.new += sum(p.new for p in tally.plan)
    tally.changed += sum(p.changed for p in tally.plan)
    tally.gone += sum(p.gone for p in tally.plan)
    tally.pushed += sum(p.pushed for p in tally.plan)


def _counted(name: str, actions: Sequence[Action], new: int) -> FolderPlan:
    pushed = (planner.Store, planner.Move, planner.Expunge)
    return FolderPlan(
        name,
        new=new,
        changed=sum(
            isinstance(a, planner.Follow) or (isinstance(a, planner.SetFlags) and bool(a.add or a.remove))
            for a in actions
        ),
        gone=sum(isinstance(a, planner.Gone) for a in actions),
        pushed=sum(len(a.ids) for a in actions if isinstance(a, pushed)),
    )
