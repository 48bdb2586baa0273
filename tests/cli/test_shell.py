"""Commands with placeholders, as /bin/sh reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mailcli.cli.shell import ShellTemplate
from mailcli.cli.views.messages import MESSAGES
from mailcli.errors import UsageError
from tests.cli.calling import summary

EVIL = [
    "$(touch x)",
    "`touch x`",
    "'; touch x; '",
    '"; touch x; "',
    "\\'; touch x #",
    "a  b * ? ~ $HOME ${PATH}",
    "-n",
    "\\",
    "&& touch x",
    "}; touch x; {",
]


def sh(template: str, directory: Path, subject: str) -> str:
    made = ShellTemplate(template, MESSAGES)
    done = subprocess.run(
        ["/bin/sh", "-c", made.script, "mailcli", *made.parameters(summary(subject=subject))],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert not list(directory.iterdir())
    return done.stdout


@pytest.mark.parametrize("subject", EVIL)
@pytest.mark.parametrize(
    "template",
    [
        "printf %s {subject}",
        'printf %s "{subject}"',
        "printf %s '{subject}'",
        'printf %s "$(printf %s {subject})"',
        'printf %s "`printf %s {subject}`"',
        "printf %s\"%s\" {subject} ''",
    ],
)
def test_a_value_comes_through_as_it_is_wherever_it_stands(
    template: str, subject: str, tmp_path: Path
) -> None:
    assert sh(template, tmp_path, subject) == subject


@pytest.mark.parametrize("subject", EVIL)
@pytest.mark.parametrize(
    "template",
    [
        "true # don't {subject}",
        "cat <<E >/dev/null\n{subject}\nE",
        "true \\'{subject}",
    ],
)
def test_no_value_is_run_where_the_quotes_are_misread_either(
    template: str, subject: str, tmp_path: Path
) -> None:
    sh(template, tmp_path, subject)


def test_braces_of_the_shell_stay_what_they_are(tmp_path: Path) -> None:
    assert sh("id=5; echo ${id} {{id}} | awk '{ print $2, $1 }'", tmp_path, "") == "{id} 5\n"
    assert sh("{ echo {id}; } && echo {}", tmp_path, "") == "7k2mabcd\n{}\n"


def test_fields_are_those_of_format(tmp_path: Path) -> None:
    assert sh("echo {from.email} {date:%Y} {size}", tmp_path, "") == "alice@example.org 2026 2345\n"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("echo {subjct}", "--exec: there is no field 'subjct'"),
        ("  ", "--exec: there is no command"),
        ("echo {size:%Q}", "--exec: '%Q' does not suit size"),
        ("echo \0", "--exec: a command cannot hold NUL"),
    ],
)
def test_a_template_that_cannot_be_is_refused_before_anything_is_done(template: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        ShellTemplate(template, MESSAGES)
    assert raised.value.message.startswith(says)
