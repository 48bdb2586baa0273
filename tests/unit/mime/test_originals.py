import time

import pytest

from mailcli.mime import originals, read

BLOCK = "From: Ann <a@b.c>\nSent: Monday, 1 June 2026 10:00\nTo: Bob <b@c.d>\nSubject: Plan\n"


def test_what_stands_below_outlooks_block_is_marked_as_a_quotation() -> None:
    assert originals.marked(f"I agree.\n\n{BLOCK}\nThe plan\n\nis this.\n") == (
        f"I agree.\n\n{BLOCK}\n> The plan\n>\n> is this.\n"
    )


def test_each_block_adds_a_level() -> None:
    text = originals.marked(f"Yes.\n\n{BLOCK}\nNo.\n\n{BLOCK}\nWhy?")
    assert text.endswith("> Subject: Plan\n>\n> > Why?")


@pytest.mark.parametrize(
    "block",
    [
        "Von: Ann <a@b.c>\nGesendet: Montag, 1. Juni 2026 10:00\nAn: Bob\nBetreff: Plan\n",
        "De : Ann <a@b.c>\nEnvoyé : lundi 1 juin 2026 10:00\nÀ : Bob\nObjet : Plan\n",
        "*From:* Ann <a@b.c>\n*Sent:* Monday\n*To:* Bob\n*Cc:* C,\nD\n*Subject:* Plan\n",
        "发件人: Ann\n发送时间: 2026年6月1日\n收件人: Bob\n主题: Plan\n",
    ],
)
def test_the_block_is_known_in_the_languages_outlook_speaks(block: str) -> None:
    assert originals.marked(f"Mine.\n\n{block}\nTheirs.").endswith("\n> Theirs.")


def test_a_forwarded_mail_with_nothing_above_it_is_no_quotation() -> None:
    for above in ("", "\n________________________________\n"):
        assert originals.marked(f"{above}{BLOCK}\nThe plan.") == f"{above}{BLOCK}\nThe plan."


def test_a_lists_footer_stays_outside_the_quotation() -> None:
    footer = "_______________________________________________\nA list\nhttps://x\n"
    assert originals.marked(f"Yes.\n\n{BLOCK}\nNo.\n\n{footer}").endswith(f"> No.\n>\n{footer}")


def test_from_and_subject_apart_are_no_block() -> None:
    text = "From: a to b it is far.\n\nSubject: none"
    assert originals.marked(text) == text


def test_words_doubled_addresses_and_empty_lines_are_said_once() -> None:
    text = "Ann a@b.c <mailto:a@b.c> , see www.x.org <http://www.x.org/> now.\n\n \n\n\xa0\n\nNext <http://y.org>"
    assert originals.tidied(text) == "Ann a@b.c, see www.x.org now.\n\nNext <http://y.org>"


def test_a_patchs_empty_context_lines_stay() -> None:
    text = " a\n \n b\n+\n \n-c\n"
    assert originals.tidied(text) == text


def test_the_index_keeps_the_words_as_they_are_and_the_reader_marks_them() -> None:
    data = f"From: a@b\nSubject: x\n\nYes.\n\n{BLOCK}\nNo.\n".encode()
    assert read.content(data).text.endswith("\nNo.\n")
    assert read.reading(data).text.endswith("\n> No.")


@pytest.mark.parametrize(
    "text",
    [
        "x\n" + BLOCK * 10_000,
        "x\n" + "From: a\n" * 100_000,
        "x\n" + "From: a\nSent: b\n" * 60_000,
        "_" * 20 + "\n" * 500_000,
        "\n\n " * 300_000,
        "a" * 900_000 + " <mailto:b> <http",
        "<mailto:" * 100_000,
    ],
)
def test_time_grows_with_the_text_only(text: str) -> None:
    begun = time.process_time()
    originals.marked(originals.tidied(text))
    assert time.process_time() - begun < 1.5  # all are about 1 MB
