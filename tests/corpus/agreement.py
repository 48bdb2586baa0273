"""How far our reader and others agree: `agreement.tsv` (counts) and `differences-suites.tsv` (each difference
with its reason). `python -m tests.corpus.agreement` writes both anew; a new difference gets the reason `?`,
which the tests do not accept.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.corpus import suites

HERE = Path(__file__).parent
TABLE = HERE / "agreement.tsv"
DIFFERENCES = HERE / "differences-suites.tsv"
_TABLE_HEAD = "# suite\tkind\tcompared\tagree\n"
_DIFFERENCES_HEAD = (
    "# Where our reading differs from what a suite of fixtures expects, and why.\n"
    "# kind <tab> file <tab> reason. Written by `python -m tests.corpus.agreement`, which keeps reasons.\n"
)

Key = tuple[str, str]  # kind, file


def counted() -> tuple[str, set[Key]]:
    """The table as it should be, and the differences there are."""
    lines = [_TABLE_HEAD]
    differences: set[Key] = set()
    for name, compare in suites.SUITES.items():
        compared: Counter[str] = Counter()
        agree: Counter[str] = Counter()
        for check in compare():
            compared[check.kind] += 1
            agree[check.kind] += check.agrees
            if not check.agrees:
                differences.add((check.kind, check.file))
        lines += [f"{name}\t{kind}\t{compared[kind]}\t{agree[kind]}\n" for kind in sorted(compared)]
        lines.append(f"{name}\tall\t{compared.total()}\t{agree.total()}\n")
    return "".join(lines), differences


def reasons() -> dict[Key, str]:
    found = {}
    for line in DIFFERENCES.read_text().splitlines() if DIFFERENCES.exists() else ():
        if not line.startswith("#"):
            kind, file, reason = line.split("\t")
            found[kind, file] = reason
    return found


def write() -> None:
    table, differences = counted()
    known = reasons()
    TABLE.write_text(table)
    DIFFERENCES.write_text(
        _DIFFERENCES_HEAD
        + "".join(
            f"{kind}\t{file}\t{known.get((kind, file), '?')}\n"
            for kind, file in sorted(differences, key=lambda key: (key[1], key[0]))
        )
    )


if __name__ == "__main__":
    write()
