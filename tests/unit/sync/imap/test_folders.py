from hypothesis import given
from hypothesis import strategies as st

from mailcli.model.account import FolderPolicy
from mailcli.sync.imap.folders import Found, to_server, to_user, wanted

levels = st.text(st.characters(exclude_characters="/.\u2215", codec="utf-8"), min_size=1)


def found(name: str, special: str = "") -> Found:
    return Found(name, name, "/", special, True, True, None)


@given(st.lists(levels, min_size=1, max_size=4), st.sampled_from("/.\\"))
def test_a_servers_name_survives_the_way_to_the_user_and_back(parts: list[str], delimiter: str) -> None:
    mailbox = delimiter.join(p.replace(delimiter, "_") for p in parts)
    if mailbox.split(delimiter)[0].upper() != "INBOX":
        assert to_server(to_user(mailbox, delimiter), delimiter) == mailbox


def test_a_slash_inside_a_level_is_no_level_of_its_own() -> None:
    assert to_user("a/b.c", ".") == "a\u2215b/c"
    assert to_server("a\u2215b/c", ".") == "a/b.c"


def test_the_inbox_is_in_capitals_whatever_the_server_calls_it() -> None:
    assert to_user("Inbox.Sub", ".") == "INBOX/Sub"


def test_patterns_include_and_exclude() -> None:
    policy = FolderPolicy(include=("INBOX", "Lists/*"), exclude=("Lists/noise*",))
    assert wanted(found("INBOX"), policy, ())
    assert wanted(found("Lists/python"), policy, ())
    assert not wanted(found("Lists/noise/all"), policy, ())
    assert not wanted(found("Other"), policy, ())


def test_a_bracket_in_a_pattern_is_a_bracket() -> None:
    policy = FolderPolicy(include=("*",), exclude=("[Gmail]/*",))
    assert not wanted(found("[Gmail]/Important"), policy, ())
    assert wanted(found("G/x"), policy, ())
    assert wanted(found("[Gmail]/Starred"), FolderPolicy(include=("[Gmail]/*",)), ())
    assert not wanted(found("G/x"), FolderPolicy(include=("[Gmail]/*",)), ())


def test_a_folder_named_for_the_run_is_taken_whatever_the_patterns_say() -> None:
    policy = FolderPolicy(include=("INBOX",))
    assert wanted(found("Other"), policy, ["other"])
    assert wanted(found("Papierkorb", "Trash"), policy, ["trash"])
    assert not wanted(found("INBOX"), policy, ["other"])


def test_all_mail_is_never_downloaded_beside_the_folders() -> None:
    assert not wanted(found("[Gmail]/All Mail", "All"), FolderPolicy(), ())
