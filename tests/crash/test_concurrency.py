"""Eight processes on one profile at once, while the server changes too."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.app import changing, exchange
from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest
from mailcli.errors import MailcliError, NotFound, TryAgain
from mailcli.model.query.parse import parse
from tests.support.crash import children, figures, sites
from tests.support.crash.flows import mail
from tests.support.crash.trial import Flow, Template, fetched, open_context
from tests.support.dovecot import Dovecot

SECONDS = 60 if figures.WHOLE else 5
FOLDERS = ("INBOX", "Archive", "Work")
FIRST = 30
UPLOADED, ARRIVED = 1000, 5000  # the numbers of what is imported here, and of what comes there

Act = Callable[[Context, random.Random, int], object]


def _any(ctx: Context, drawn: random.Random, *names: str) -> list[str]:
    folders = [f.key for f in ctx.store.folders("test") if f.name in names]
    rows = ctx.store.summaries(folders=folders, limit=200).rows
    return [drawn.choice(rows).id] if rows else []


def _read(ctx: Context, drawn: random.Random, _: int) -> None:
    for row in ctx.store.summaries(folders=None, limit=20).rows:
        ctx.store.open_bytes(row.id)
    ctx.store.folders()


def _flag(ctx: Context, drawn: random.Random, _: int) -> None:
    words = drawn.sample(["+flagged", "-flagged", "+seen", "-seen", "+work", "-work"], 1)
    changing.flag(ctx, _any(ctx, drawn, *FOLDERS), words)


def _import(ctx: Context, drawn: random.Random, number: int) -> None:
    path = Path(ctx.paths.data).parent / "new.eml"
    path.write_bytes(mail(UPLOADED + number))
    exchange.import_paths(ctx, [path])


ACTS: dict[str, Act] = {
    "fetch": lambda ctx, drawn, n: fetched(ctx, FetchRequest()),
    "fetch too": lambda ctx, drawn, n: fetched(ctx, FetchRequest(full=n % 3 == 0)),
    "read": _read,
    "search": lambda ctx, drawn, n: ctx.store.search(parse(f"line m{n % FIRST}", now=time.time())),
    "flag": _flag,
    "delete": lambda ctx, drawn, n: changing.delete(ctx, _any(ctx, drawn, *FOLDERS)),
    "move": lambda ctx, drawn, n: changing.move(
        ctx, _any(ctx, drawn, *FOLDERS, "Trash"), drawn.choice(FOLDERS)
    ),
    "import": _import,
}


def _filled(template: Template) -> None:
    template.server.fill(template.user, [mail(n) for n in range(FIRST)])
    with template.server.connect(template.user) as session:
        session.create("Work")
    template.fetch()


def _work(name: str, profile: Path, until: float) -> list[int]:
    """Act again and again: how often, and how often in vain (locked, or gone meanwhile)."""
    drawn = random.Random(f"{figures.SEED} {name}")
    done = vain = 0
    while time.monotonic() < until:
        ctx = open_context(profile)
        try:
            ACTS[name](ctx, drawn, done)
            done += 1
        except (NotFound, TryAgain):
            vain += 1
        except MailcliError as error:
            error.message = f"{name}, run {done}: {error.message}"
            raise
        finally:
            ctx.close()
        time.sleep(0.02)
    return [done, vain]


@pytest.mark.timeout(SECONDS + 100)
def test_eight_processes_at_once_lose_and_double_nothing(tmp_path: Path, dovecot: Dovecot) -> None:
    template = Template(dovecot, tmp_path, Flow("together", "imap", _filled))
    trial = template.trial()
    until = time.monotonic() + SECONDS
    running = {
        name: children.Child(lambda n=name: _work(n, trial.profile, until))  # type: ignore[misc]
        for name in ACTS
    }
    arrived = 0
    while time.monotonic() < until:
        trial.server.append(trial.user, "INBOX", mail(ARRIVED + arrived))
        arrived += 1
        time.sleep(0.3)
    ended = {name: child.ended() for name, child in running.items()}
    assert all(e.code == 0 for e in ended.values()), {n: e for n, e in ended.items() if e.code}
    assert all(e.value[0] > 0 for e in ended.values()), ended

    end, noise = trial.settled()
    assert not noise
    numbers = [*range(FIRST), *(ARRIVED + n for n in range(arrived))]
    numbers += [UPLOADED + n for n in range(ended["import"].value[0])]
    everything = Counter(sites.content(mail(n)) for n in numbers)
    here, there = sites.counted(end.local), sites.counted(end.server)
    assert here == everything, (everything - here, here - everything)
    assert there == everything, (everything - there, there - everything)
    assert end.local == end.server
    assert end.recovery == []
