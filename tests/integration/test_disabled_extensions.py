"""The same day on both sides, with ever fewer extensions of the server used: the same end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailcli.app import changing, folders
from mailcli.model.flags import FLAGGED, SEEN
from tests.integration.conftest import Profile, message

EXTENSIONS = [
    (),
    ("QRESYNC",),
    ("QRESYNC", "CONDSTORE"),
    ("LIST-STATUS",),
    ("LIST-EXTENDED", "SPECIAL-USE"),
    ("LITERAL+", "LITERAL-"),
    ("UIDPLUS",),
    ("MOVE",),
    ("MOVE", "UIDPLUS"),
    ("ESEARCH",),
    ("COMPRESS=DEFLATE",),
    ("NOTIFY", "IDLE"),
    ("ENABLE",),
    ("NAMESPACE", "SASL-IR", "ID", "QUOTA", "OBJECTID", "UNSELECT"),
    ("QRESYNC", "CONDSTORE", "LIST-STATUS", "LIST-EXTENDED", "UIDPLUS", "MOVE", "ESEARCH", "ENABLE"),
]


def there(profile: Profile) -> dict[str, set[str]]:
    """Message-IDs and flags of every folder of the server."""
    found = {}
    for folder in profile.ctx.store.folders("test"):
        mail = profile.server.messages(profile.user, folder.name)
        flags = profile.server.flags(profile.user, folder.name)
        found[folder.name] = {
            f"{mail[uid].split(b'Message-ID: <')[1].split(b'@')[0].decode()} {' '.join(sorted(flags[uid]))}"
            for uid in mail
        }
    return found


@pytest.mark.parametrize("disabled", EXTENSIONS, ids=lambda names: " ".join(names) or "none")
def test_a_mixed_day_ends_alike(make_profile: Callable[..., Profile], disabled: tuple[str, ...]) -> None:
    names = ", ".join(f'"{name}"' for name in disabled)
    profile = make_profile(incoming=f'disable = [{names}]\ncompress = "always"')
    server, user = profile.server, profile.user
    for n in range(8):
        server.append(user, "INBOX", message(f"m{n}"))
    server.append(user, "Old", message("o1"))
    server.append(user, "Theirs", message("t1"))
    profile.fetch()
    # On the server: a new message, a flag, one gone, one moved, a folder renamed.
    server.append(user, "INBOX", message("m8"))
    with server.connect(user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Flagged)")
        session.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        session.uid("MOVE", "3", "Archive")
        session.expunge()
        session.rename("Theirs", "TheirNewOne")
    # Here, not knowing of it: flags, a move, a deletion, one for good, a copy, a folder renamed.
    ctx = profile.ctx
    ctx.store.set_flags([profile.id("m0"), profile.id("m4")], frozenset({SEEN}))
    changing.move(ctx, [profile.id("m5")], "Archive")
    changing.delete(ctx, [profile.id("m6")])
    changing.delete(ctx, [profile.id("m7")], purge=True)
    changing.copy(ctx, [profile.id("m4")], "Archive")
    folders.rename(ctx, "Old", "New")
    profile.fetch()
    profile.fetch()
    profile.in_step()
    assert {name: mail for name, mail in there(profile).items() if mail} == {
        "INBOX": {f"m0 {FLAGGED} {SEEN}", "m3 ", f"m4 {SEEN}", "m8 "},
        "Archive": {"m2 ", f"m4 {SEEN}", "m5 "},
        "Trash": {"m6 "},
        "New": {"o1 "},
        "TheirNewOne": {"t1 "},
    }
    assert ctx.store.check() == []
    report = profile.fetch()
    assert (report.new, report.changed, report.gone, report.pushed) == (0, 0, 0, 0)
