"""Which folders the server has, what they are for, and whether anything in them changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from mailcli.errors import RemoteProtocolError, TryAgain
from mailcli.model.account import FolderPolicy
from mailcli.model.folder import INBOX
from mailcli.model.record import NamedTuple
from mailcli.net.imap import ImapConnection
from mailcli.store.values import FolderState
from mailcli.sync.imap.server import Server, last, only
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import Event, Listed, Namespaces, StatusOf
from mailcli.wire.imap.quirks import Quirk

MOST_FOLDERS: Final = 10_000
"""Each becomes three directories here."""

_BY_ATTRIBUTE: Final = {
    "all": "All",
    "archive": "Archive",
    "drafts": "Drafts",
    "junk": "Spam",
    "sent": "Sent",
    "trash": "Trash",
}
"""RFC 6154 §2, as `model.folder` names them."""

_BY_NAME: Final = {
    "archive": "Archive",
    "archives": "Archive",
    "drafts": "Drafts",
    "draft": "Drafts",
    "spam": "Spam",
    "junk": "Spam",
    "junk e-mail": "Spam",
    "bulk mail": "Spam",
    "sent": "Sent",
    "sent items": "Sent",
    "sent messages": "Sent",
    "sent mail": "Sent",
    "trash": "Trash",
    "deleted items": "Trash",
    "deleted messages": "Trash",
    "bin": "Trash",
}
"""What servers without SPECIAL-USE call them; only a top-level folder, or one right below INBOX."""


class Found(NamedTuple):
    """A folder of the server: `name` is the user's (`/` between levels), `mailbox` the server's, and
    `delimiter` says how the one becomes the other (`to_server`). `foreign`: in another user's or a
    shared namespace (RFC 2342)."""

    name: str
    mailbox: str
    delimiter: str
    special: str
    selectable: bool
    subscribed: bool
    status: StatusOf | None
    foreign: bool = False


class Spaces(NamedTuple):
    """The namespaces of a session (RFC 2342): the prefix of the user's own folders ("" or such as
    `INBOX.`), and those of others."""

    own: str = ""
    others: tuple[str, ...] = ()

    def foreign(self, mailbox: str) -> bool:
        return any(p and (mailbox + p[-1]).startswith(p) for p in self.others)

    def delimiter(self, mailbox: str, plain: str) -> str:
        """What `to_user` and `to_server` take for this mailbox."""
        own = self.own if len(self.own) > 1 and self.own.endswith(plain or "/") else ""
        return own if own and (mailbox.upper() == INBOX or mailbox.startswith(own)) else plain


def discover(server: Server, special: Iterable[tuple[str, str]] = ()) -> list[Found]:
    """Ask for all folders and their counters, in one flight where the server can (LIST-STATUS,
    RFC 5819) together with switching on what we use (RFC 5161).

    `special` is the user's own choice of special folders, as (use, folder name).
    """
    first: tuple[Command, ...] = _enabling(server)
    if server.has("NAMESPACE"):
        first = (*first, imap.Namespace())
    if server.has("LIST-STATUS") and server.has("LIST-EXTENDED"):
        returns = ("SUBSCRIBED", *(("SPECIAL-USE",) if server.has("SPECIAL-USE") else ()))
        events = server.ask(*first, imap.List(returns=returns, status=status_items(server)))
        statuses = {s.mailbox: s for s in only(StatusOf, events)}
    else:
        events = server.ask(*first, imap.List(), imap.Lsub("", "*"))
        statuses = {}
    listed = _merge(only(Listed, events))
    if len(listed) > MOST_FOLDERS:
        raise RemoteProtocolError(f"{server.label} lists {len(listed)} folders, more than {MOST_FOLDERS}")
    if not statuses:
        names = [f.name for f in listed.values() if _selectable(f)]
        if names:
            answers, _ = server.try_each(*(imap.Status(n, status_items(server)) for n in names))
            statuses = {s.mailbox: s for s in only(StatusOf, answers)}
    spaces = _spaces(events)
    found = [_found(f, statuses.get(f.name), spaces) for f in listed.values()]
    # Another user's folder that would have the name of one of our own stays out.
    own = {f.name for f in found if not f.foreign}
    return _with_uses([f for f in found if not f.foreign or f.name not in own], dict(special))


def status_items(server: Server) -> tuple[str, ...]:
    """The counters that show whether a folder changed: all four are needed, since a server with
    CONDSTORE alone need not raise the modseq on an expunge (RFC 7162 §3.1.2.1)."""
    items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY"]
    if server.has("CONDSTORE") or server.has("QRESYNC"):
        items.append("HIGHESTMODSEQ")
    if server.has("OBJECTID"):
        items.append("MAILBOXID")
    return tuple(items)


def differs(state: FolderState, found: Found) -> bool:
    """Whether a folder's counters say that something happened since we last agreed. Without
    modification sequences a flag may have changed unseen, so the folder is always opened."""
    status = found.status
    if status is None or state.uidvalidity is None or not status.highestmodseq:
        return True
    return (status.messages, status.uidnext, status.uidvalidity, status.highestmodseq) != (
        state.server_count,
        state.uidnext,
        state.uidvalidity,
        state.highestmodseq,
    )


def wanted(folder: Found, policy: FolderPolicy, only_these: Iterable[str]) -> bool:
    """Whether the account's patterns, or the names given for this run, take the folder."""
    if not folder.selectable or folder.special == "All":
        return False
    names = [n.lower() for n in only_these]
    if names:
        return folder.name.lower() in names or folder.special.lower() in names
    if any(_fits(folder.name, p) for p in policy.exclude):
        return False
    named = [p for p in policy.include if _fits(folder.name, p)]
    if folder.foreign:
        return bool(named) and (folder.subscribed or any(p.strip("*") for p in named))
    if policy.subscribed and not folder.subscribed and folder.name != INBOX:
        return False
    return bool(named)


def _fits(name: str, pattern: str) -> bool:
    return pattern == "*" or _pattern(pattern).match(name) is not None


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """A shell pattern; `*` goes across levels, and `**/` at its beginning may stand for none. A bracket
    is one: `[Gmail]/*` are folders of Gmail."""
    from fnmatch import translate

    head = "(?:.*/)?" if pattern.startswith("**/") else ""
    return re.compile(head + translate(pattern.removeprefix("**/").replace("**", "*").replace("[", "[[]")))


def to_user(mailbox: str, delimiter: str) -> str:
    """The user's name of a server's mailbox: `/` between levels, INBOX in capitals.

    `delimiter` is what stands between levels there; where the user's own folders have a prefix
    (RFC 2342; `INBOX.` on Courier and Cyrus), that prefix, which ends in it: users do not see it.
    A `/` inside a level of a server that separates by another character becomes U+2215, which
    looks like it and can be turned back.
    """
    if len(delimiter) > 1 and mailbox.startswith(delimiter):
        mailbox = mailbox[len(delimiter) :]
    between = delimiter[-1:]
    levels = mailbox.split(between) if between else [mailbox]
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    return "/".join(level.replace("/", "\u2215") for level in levels)


def to_server(name: str, delimiter: str) -> str:
    """The reverse of `to_user`."""
    between = delimiter[-1:]
    mailbox = between.join(
        level if between == "/" else level.replace("\u2215", "/") for level in name.split("/")
    )
    return delimiter + mailbox if len(delimiter) > 1 and mailbox != INBOX else mailbox


def naming(found: Iterable[Found]) -> str:
    """The `delimiter` of a folder that is yet to be made: that of the inbox."""
    ordered = sorted((f for f in found if f.delimiter and not f.foreign), key=lambda f: f.name != INBOX)
    return ordered[0].delimiter if ordered else "/"


def special_use(use: str) -> str:
    """The attribute of a use, for CREATE (RFC 6154 §3), or ""."""
    return next((f"\\{name.capitalize()}" for name, known in _BY_ATTRIBUTE.items() if known == use), "")


def _spaces(events: Iterable[Event]) -> Spaces:
    spaces = last(Namespaces, events)
    if spaces is None:
        return Spaces()
    own = spaces.personal[0].prefix if spaces.personal else ""
    others = tuple(entry.prefix for entry in (*spaces.other, *spaces.shared) if entry.prefix)
    return Spaces(own, others)


def _enabling(server: Server) -> tuple[Command, ...]:
    """What we use, and UTF-8 names only where the server insists (RFC 6855 §6)."""
    if not server.has("ENABLE"):
        return ()
    names = ["CONDSTORE"] if server.has("CONDSTORE") else []
    if server.has("QRESYNC") and Quirk.NO_QRESYNC not in server.quirks:
        names.append("QRESYNC")
    if server.has("UTF8=ONLY"):
        names.append("UTF8=ACCEPT")
    if Quirk.ENABLE_ALONE in server.quirks:
        return tuple(imap.Enable((name,)) for name in names)
    return (imap.Enable(tuple(names)),) if names else ()


def _selectable(folder: Listed) -> bool:
    return not folder.attributes & {"noselect", "nonexistent"}


def _merge(listed: Iterable[Listed]) -> dict[str, Listed]:
    """One row a folder: LSUB repeats the names that LIST gave, as subscriptions."""
    rows: dict[str, Listed] = {}
    for folder in listed:
        seen = rows.get(folder.name)
        if seen is not None:
            folder = seen._replace(attributes=seen.attributes | folder.attributes)
        rows[folder.name] = folder
    return rows


def _found(folder: Listed, status: StatusOf | None, spaces: Spaces) -> Found:
    delimiter = spaces.delimiter(folder.name, folder.delimiter or "")
    use = next((_BY_ATTRIBUTE[a] for a in sorted(folder.attributes) if a in _BY_ATTRIBUTE), "")
    name = to_user(folder.name, delimiter)
    if name == INBOX:
        use = "Inbox"
    foreign = spaces.foreign(folder.name)
    subscribed = "subscribed" in folder.attributes
    return Found(
        name, folder.name, delimiter, "" if foreign else use, _selectable(folder), subscribed, status, foreign
    )


def _with_uses(folders: list[Found], chosen: dict[str, str]) -> list[Found]:
    """Fill in special uses: the user's choice first, then the server's attribute, then names."""
    by_choice = {name.lower(): use for use, name in chosen.items()}
    taken = {f.special for f in folders if f.special} | set(chosen)
    result = []
    for folder in folders:
        use = by_choice.get(folder.name.lower(), "")
        if not use and folder.special not in chosen:
            use = folder.special
        if not use and folder.selectable:
            top = folder.name.removeprefix(INBOX + "/").lower()
            guess = _BY_NAME.get(top, "")
            if guess and guess not in taken:
                taken.add(guess)
                use = guess
        result.append(folder._replace(special=use))
    return result


def change(
    connection: ImapConnection,
    disabled: frozenset[str],
    verb: str,
    name: str,
    to: str = "",
    held: int | None = None,
) -> str:
    """Create, rename, delete or (un)subscribe a folder on the server. Returns the server's refusal,
    "" when it is done.

    `held` is how many of its messages are here. DELETE takes all that are in a mailbox with it (RFC 9051
    §6.3.5), so TryAgain is raised if the server has more.
    """
    server = Server(connection, disabled)
    space = (imap.Namespace(),) if server.has("NAMESPACE") else ()
    events = server.ask(*space, imap.List(patterns=("%",)))
    delimiter = naming(_found(f, None, _spaces(events)) for f in only(Listed, events))
    mailbox, target = to_server(name, delimiter), to_server(to, delimiter)
    commands: dict[str, tuple[Command, ...]] = {
        "CREATE": (imap.Create(mailbox), imap.Subscribe(mailbox)),
        "RENAME": (imap.Rename(mailbox, target), imap.Unsubscribe(mailbox), imap.Subscribe(target)),
        "DELETE": (imap.Delete(mailbox), imap.Unsubscribe(mailbox)),
        "SUBSCRIBE": (imap.Subscribe(mailbox),),
        "UNSUBSCRIBE": (imap.Unsubscribe(mailbox),),
    }
    if held is not None and verb == "DELETE":
        events, _ = server.try_each(imap.Status(mailbox, ("MESSAGES",)))
        there = max((s.messages or 0 for s in only(StatusOf, events)), default=0)
        if there > held:
            raise TryAgain(
                f"{name} is not deleted: {server.label} has more mail in it ({there}) than is here ({held})",
                hint="mailcli fetch brings them, so that they can be recovered",
            )
    _, answers = server.try_each(*commands[verb])
    return "" if answers[0].status == "OK" else answers[0].text
