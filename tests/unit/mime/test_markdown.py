"""Markdown letters; with the extra `markdown`, and the error without it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mailcli.app.inlining import inlined
from mailcli.errors import ConfigError, NotFound
from mailcli.mime import markdown
from mailcli.model.address import Address
from mailcli.model.draft import Draft


def letter(text: str) -> Draft:
    me = Address("", "a@b.example")
    return Draft(
        sender=me, to=(me,), cc=(), bcc=(), subject="", text=text, date=0.0, zone=0, message_id="i@x"
    )


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(ConfigError) as failed:
        markdown.rendered("x", str)
    assert "mailcli[markdown]" in failed.value.hint


@pytest.fixture
def library() -> None:
    pytest.importorskip("markdown_it", reason="the extra markdown is not installed")


@pytest.mark.usefixtures("library")
def test_markdown_becomes_html_and_html_in_it_stays_text() -> None:
    made = markdown.rendered("# Hi\n\n**b** <script>x</script>\nline\n\n| a |\n|---|\n| 1 |\n", str)
    assert "<h1>Hi</h1>" in made and "<strong>b</strong>" in made and "<td>1</td>" in made
    assert "<script>" not in made and "<br" in made


@pytest.mark.usefixtures("library")
def test_an_image_of_ones_own_travels_inside_the_letter(tmp_path: Path) -> None:
    (tmp_path / "c.png").write_bytes(b"png")
    made = inlined(letter("See ![chart](c.png) ![again](c.png)\n"), tmp_path, markdown=True)
    (picture,) = made.attachments
    assert (picture.name, picture.type, picture.data) == ("c.png", "image/png", b"png")
    assert made.html.count(f'src="cid:{picture.cid}"') == 2
    with pytest.raises(NotFound):
        inlined(letter("![x](gone.png)\n"), tmp_path, markdown=True)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    "foreign",
    [
        "> ![x](secret.png)\n",
        "On Monday, ![x](secret.png) wrote:\n> hi\n",
        "On Monday, ![x](&#115;ecret.png) wrote:\n> hi\n",
        "---------- Forwarded message ----------\n![x](secret.png)\n",
        "> [r]: secret.png\n> ![r]\n",
    ],
)
def test_an_image_that_somebody_else_names_is_never_read_from_this_machine(
    tmp_path: Path, foreign: str
) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    made = inlined(letter(f"Hello\n\n{foreign}"), tmp_path, markdown=True, foreign=foreign)
    assert made.attachments == () and "<img" not in made.html


@pytest.mark.usefixtures("library")
def test_the_signature_keeps_its_lines() -> None:
    made = markdown.rendered("Hi\n\n-- \nAnn\n*Valley*\n", str)
    assert "-- <br>\nAnn<br>\n*Valley*" in made
