"""The servers of a benchmark: Dovecot and Postfix, mailboxes filled once, and long wires."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support import daemons, generate
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix
from tests.support.profiles import account_toml

ROOT = Path(__file__).resolve().parents[1]


class Wire:
    """A delay proxy in a process of its own, in front of one port."""

    def __init__(self, target: int, rtt: int) -> None:
        command = [sys.executable, "-m", "tests.support.proxy", str(target), "--delay", str(rtt / 2)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        (self.port,) = self._answer()

    def _answer(self) -> list[Any]:
        assert self._process.stdout is not None
        answer: list[Any] = json.loads(self._process.stdout.readline())
        return answer

    def turns(self) -> int:
        """Turns of all connections that ended since the last call."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return sum(row["turns"] for row in self._answer())

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Arena:
    """What the tasks share. `messages` is the size of the mailbox, `directory` a place for files."""

    def __init__(self, messages: int) -> None:
        self.messages = messages
        self.directory = daemons.work_directory("mb-")
        self._users: dict[tuple[int, int], tuple[str, str]] = {}
        self._wires: dict[tuple[int, int], Wire] = {}

    def __enter__(self) -> Arena:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for wire in self._wires.values():
            wire.close()
        if "postfix" in self.__dict__:
            self.postfix.stop()
        if "dovecot" in self.__dict__:
            self.dovecot.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @cached_property
    def dovecot(self) -> Dovecot:
        return Dovecot(self.directory / "d").start()

    @cached_property
    def postfix(self) -> Postfix:
        return Postfix(self.directory / "p", self.dovecot).start()

    @property
    def has_postfix(self) -> bool:
        return os.getuid() == 0

    def user(self, messages: int, folders: int = 0) -> tuple[str, str]:
        """A user whose mail was made once: in the inbox, or spread over so many folders."""
        key = messages, folders
        if key not in self._users:
            name, _ = self._users[key] = self.dovecot.user()
            if folders:
                share = messages // folders
                for n in range(folders):
                    made = generate.messages(share, start=n * share)
                    self.dovecot.fill(name, made, f"Folder {n:02d}")
            else:
                self.dovecot.fill(name, generate.messages(messages))
            self.dovecot.doveadm("index", "-u", name, "*")
        return self._users[key]

    def port(self, target: int, rtt: int) -> tuple[int, Callable[[], int] | None]:
        """Where to connect for a round trip of `rtt` ms, and the counter of turns."""
        if not rtt:
            return target, None
        key = target, rtt
        if key not in self._wires:
            self._wires[key] = Wire(target, rtt)
        return self._wires[key].port, self._wires[key].turns

    def place(self, name: str) -> Path:
        """A directory that did not exist before.

        An older one is put aside, not removed: ext4 does not give the inodes of files removed in the
        last seconds to new ones and looks through them at each creation, which made it 50 times slower.
        """
        path = self.directory / name
        if path.exists():
            aside = self.directory / "old"
            aside.mkdir(exist_ok=True)
            path.rename(aside / str(sum(1 for _ in aside.iterdir())))
        path.mkdir(parents=True)
        return path

    def profile(self, name: str, user: tuple[str, str], *, smtp_port: int = 0, **settings: Any) -> Path:
        """A fresh profile of mailcli for one account."""
        home = self.place(name)
        postfix = self.postfix if smtp_port else None
        account_toml(home, self.dovecot, *user, postfix=postfix, smtp_port=smtp_port, **settings)
        return home


def mailcli(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "mailcli", "--profile", str(home), *words]
