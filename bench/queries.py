"""`python -m bench.queries PROFILE`: the time of single queries within one process, 20 hits each.

By itself, with no peer: theirs have no process to stay in. The clock stands where the newest message is, as
relevance speaks of age.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mailcli.app import listing
from mailcli.app.context import Context
from tests.support import generate

QUERIES = (
    *(generate.NEEDLE, "meeting", '"the report"', "meet*", "会議", "C++", "nosuchword", "-meeting"),
    *("is:unread", "from:alice", "from:me", "in:INBOX", "has:attachment", "larger:1M", "subject:meeting"),
    *("date:2014-06..2014-07", "newer_than:3w", "older_than:3y", "meeting -report", "meeting OR report"),
    *("from:alice has:attachment is:unread", "in:INBOX meeting is:unread", "meeting NEAR/5 report"),
    *(f"thread:{{{generate.NEEDLE}}}", "filename:pdf", "mime:text/html", "subject:/rep.rt/"),
)
RUNS = 5


def main() -> None:
    ctx = Context.open(profile=Path(sys.argv[1]))
    newest = listing.search(ctx, ["in:any"], limit=1).rows
    ctx.clock = lambda: float(newest[0].when) if newest else 0.0
    ctx.close()
    print(f"{'query':40} {'by date':>10} {'relevance':>10}  ms, the best of {RUNS}")
    for query in QUERIES:
        taken = []
        for sort in ("date", "relevance"):
            best = float("inf")
            for _ in range(RUNS):
                begun = time.process_time()
                listing.search(ctx, [query], limit=20, sort=sort)
                best = min(best, time.process_time() - begun)
            taken.append(best * 1000)
        print(f"{query:40} {taken[0]:10.2f} {taken[1]:10.2f}")
    ctx.close()


if __name__ == "__main__":
    main()
