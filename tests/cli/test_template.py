"""--format: fields, parts, formats, escapes, and what is wrong with a template."""

from __future__ import annotations

import pytest

from mailcli.cli.template import Template
from mailcli.cli.views.messages import MESSAGES
from mailcli.errors import UsageError
from tests.cli.calling import Called, summary


def rendered(source: str, **changed: object) -> str:
    return Template(source, MESSAGES).render(summary(**changed))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{id}", "7k2mabcd"),
        ("{date}", "2026-11-20T14:05:00+01:00"),
        ("{date:%F %H:%M}", "2026-11-20 14:05"),
        ("{from}", "Alice Ng <alice@example.org>"),
        ("{from.email} {from.name}", "alice@example.org Alice Ng"),
        ("{to}", "bob@example.org, Carol <carol@example.org>"),
        ("{to.email}", "bob@example.org, carol@example.org"),
        ("{flags}", "seen flagged work"),
        ("{size:>8}|{size:,}", "    2345|2,345"),
        ("{subject:.6}|{subject:>12}", "Launch| Launch plan"),
        (r"{id}\t{size}\n", "7k2mabcd\t2345\n"),
        (r"{id}\0", "7k2mabcd\0"),
        (r"a\\t", r"a\t"),
        (r"\q", r"\q"),
        ("{{id}}", "{id}"),
        ("100%", "100%"),
        ("", ""),
    ],
)
def test_a_template_renders(template: str, text: str) -> None:
    assert rendered(template) == text


def test_a_missing_sender_renders_empty() -> None:
    assert rendered("<{from}|{from.email}>", sender=()) == "<|>"


@pytest.mark.parametrize(
    ("template", "says", "hint"),
    [
        ("{subjekt}", "no field 'subjekt'", "did you mean subject?"),
        ("{from.mail}", "no field 'from.mail'", ".name and .email"),
        ("{size.email}", "no field 'size.email'", "no parts"),
        ("{id", "closing brace", "{{"),
        ("{size:%F}", "does not suit size", ""),
        ("{subject:d}", "does not suit subject", ""),
        ("{}", "no field ''", "fields: id"),
    ],
)
def test_a_wrong_template_says_why(template: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        rendered(template)
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_a_wrong_template_stops_a_command_before_it_does_anything(call: Called) -> None:
    done = call("delete", "7k2m", "--format", "{subjekt}")  # type: ignore[operator]
    assert (done.code, done.out) == (2, "")
    assert done.err == "mailcli: --format: there is no field 'subjekt' (did you mean subject?)\n" or (
        "there is no field 'subjekt'" in done.err
    )
