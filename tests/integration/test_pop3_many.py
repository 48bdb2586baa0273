"""A maildrop where somebody leaves mail for years: what a look at it costs does not grow with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mailcli.store.values import Pop3Row
from tests.integration.conftest import MakeBox

MANY = 40_000

# Of this program alone: what getrusage says begins with the memory of whoever started it.
_PROBE = """
import re, sys
from mailcli.__main__ import main
code = main()
print(re.search(r"VmHWM:\\s+([0-9]+) kB", open("/proc/self/status").read())[1])
sys.exit(code)
"""


def peak(directory: str) -> float:
    """The most memory in MB that a fetch takes which finds nothing new."""
    command = [sys.executable, "-c", _PROBE, "--profile", directory, "fetch", "-q"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the memory of a process on Linux only")
def test_memory_does_not_grow_with_what_is_left_on_the_server(make_box: MakeBox) -> None:
    box = make_box(0)
    least = peak(str(box.directory))
    uidls = [f"{n * 7919:08x}{n:08x}" for n in range(1, MANY + 1)]
    rows = [Pop3Row(uidl, 1, 500, "delivered", b"h" * 32, b"s" * 32, 1.0, 1.0, None, uidl) for uidl in uidls]
    with box.store as store:
        store.transact(lambda writer: writer.pop3_record("box", rows))
    named = "".join(f"{n} {uidl}\r\n" for n, uidl in enumerate(uidls, 1))
    sized = "".join(f"{n} 500\r\n" for n in range(1, MANY + 1))
    box.drop.says |= {"UIDL": f"+OK\r\n{named}.\r\n".encode(), "LIST": f"+OK\r\n{sized}.\r\n".encode()}
    compared, unchanged = peak(str(box.directory)), peak(str(box.directory))
    assert compared - least < 24, "of which SQLite may keep 16 MB of what it has read"
    assert unchanged - least < 6
