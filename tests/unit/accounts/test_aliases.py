from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.accounts.aliases import expand, read
from mailcli.errors import ConfigError


def test_the_aliases_of_mailx_and_of_mutt_are_read(tmp_path: Path) -> None:
    mailrc = tmp_path / "mailrc"
    mailrc.write_text(
        'set ask\nalias team ann@x.test "Bob B <bob@x.test>" \\\n  carl@x.test # the team\nunalias x\n'
    )
    mutt = tmp_path / "aliases"
    mutt.write_text(
        "alias -group work ann Ann A <ann@x.test>\nalias both ann@x.test, bob@x.test\n"
        'alias Dora "D, Dora" <dora@x.test>\n'
    )
    found = read([mailrc, mutt, tmp_path / "missing"])
    assert expand("team", found) == ["ann@x.test", "Bob B <bob@x.test>", "carl@x.test"]
    assert expand("ANN", found) == ["Ann A <ann@x.test>"]
    assert expand("both", found) == ["ann@x.test", "bob@x.test"]
    assert expand("dora", found) == ['"D, Dora" <dora@x.test>']


def test_aliases_in_an_alias_are_expanded() -> None:
    aliases = {"all": "team, carl@x.test", "team": "ann@x.test, Bob", "bob": "Bob B <bob@x.test>"}
    assert expand("all", aliases) == ["ann@x.test", "Bob B <bob@x.test>", "carl@x.test"]
    assert expand("nobody", aliases) == []


def test_an_alias_that_leads_back_to_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="leads back"):
        expand("a", {"a": "b", "b": "c, a"})


def test_an_alias_that_explodes_is_refused() -> None:
    aliases = {f"a{n}": ", ".join([f"a{n + 1}"] * 10) for n in range(8)} | {"a8": "x@y.test"}
    with pytest.raises(ConfigError, match="more than"):
        expand("a0", aliases)
