"""A watch is killed while mail comes, and started again: no message is told twice, none is missing."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import message
from tests.integration.test_watch_command import watching
from tests.support.crash import figures
from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml
from tests.support.program import Mailbox, Program, wait_until


def test_a_watch_that_is_killed_and_started_again_tells_no_message_twice(
    tmp_path: Path, dovecot: Dovecot, record_property: Callable[[str, object], None]
) -> None:
    """What was stored in the moment before the kill may stay untold: it was here when the next began."""
    rounds = figures.share(1.5, 2)
    drawn = random.Random(f"{figures.SEED} watch")
    user, password = dovecot.user()
    account_toml(tmp_path / "profile", dovecot, user, password)
    mailbox = Mailbox(Program(tmp_path / "profile"), dovecot, user, "imap", 0)
    mailbox.program.run("fetch").good()
    told: Counter[str] = Counter()
    for n in range(rounds):
        with watching(mailbox, "--format", "{subject}") as running:
            dovecot.append(user, "INBOX", message(f"before {n}"))
            wait_until(lambda: f"before {n}\n" in running.out)  # noqa: B023
            dovecot.append(user, "INBOX", message(f"cut {n}"))
            time.sleep(drawn.uniform(0, 1.5))  # it is fetched after a second of quiet
            running.close()
        told.update(line.strip() for line in running.out)
    with watching(mailbox, "--format", "{subject}") as running:
        dovecot.append(user, "INBOX", message("last"))
        wait_until(lambda: "last\n" in running.out)
    told.update(line.strip() for line in running.out)
    everything = sorted(
        [*(f"before {n}" for n in range(rounds)), *(f"cut {n}" for n in range(rounds)), "last"]
    )
    here = mailbox.program.subjects()
    twice = {subject for subject, times in told.items() if times > 1}
    record_property("cuts", ("kills: watch", rounds, len(set(everything) - set(here)), len(twice)))
    assert here == everything
    assert not twice
    assert told.keys() >= {s for s in everything if not s.startswith("cut")}
