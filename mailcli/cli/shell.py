"""Shell commands with placeholders: './page.sh {id}'.

A placeholder becomes a reference to a positional parameter, and the value travels beside the
script. So no subject, however it is made, is ever read as shell: not within quotes either, and not
where this file should take a quote for something else.
"""

from __future__ import annotations

import re
from typing import Any, Final

from mailcli.cli.template import Template
from mailcli.cli.views.view import View
from mailcli.errors import UsageError

_PLACEHOLDER: Final = re.compile(r"\{\{[a-z_]+[^{}\s]*\}\}|\$?\{[a-z_]+(?:\.[a-z]+)?(?::[^{}]*)?\}")


class ShellTemplate:
    """A command bound to a view. UsageError says what is wrong with it.

    `script` is for the shell, `parameters` gives its $1 and so on. `${name}` is a variable of the
    shell's, `{{name}}` stands for `{name}`; other braces are the shell's own.
    """

    def __init__(self, source: str, view: View) -> None:
        if not source.strip():
            raise UsageError("--exec: there is no command")
        if "\0" in source:
            raise UsageError("--exec: a command cannot hold NUL")
        self._values: list[Template] = []
        script: list[str] = []
        quotes = _Quotes()
        at = 0
        for found in _PLACEHOLDER.finditer(source):
            quotes.read(source[at : found.start()])
            script.append(source[at : found.start()])
            at = found.end()
            text = found[0]
            if text.startswith("$") or quotes.escaped:
                quotes.read(text)
                script.append(text)
            elif text.startswith("{{"):
                script.append(text[1:-1])
            else:
                self._values.append(_value(text, view))
                script.append(quotes.reference(len(self._values)))
        self.script = "".join(script) + source[at:]

    def parameters(self, row: Any) -> list[str]:
        return [value.render(row) for value in self._values]


def _value(text: str, view: View) -> Template:
    try:
        return Template(text, view)
    except UsageError as error:
        message = error.message.replace("--format", "--exec", 1)
        raise UsageError(message, hint=error.hint or "write {{name}} for braces of the shell") from None


class _Quotes:
    """Where in a script we are: the inside of quotes ends at its own mark, `$(` and backquotes begin
    anew. Not all of the shell's grammar, but nothing that is unsafe hangs on it."""

    def __init__(self) -> None:
        self._inside = [""]  # "", "'", '"', and for a substitution its end
        self.escaped = False

    def read(self, text: str) -> None:
        before = ""
        for char in text:
            top = self._inside[-1]
            if self.escaped:
                self.escaped = False
            elif top == "'":
                if char == "'":
                    self._inside.pop()
            elif char == "\\":
                self.escaped = True
            elif char == '"' and top == '"':
                self._inside.pop()
            elif char == '"' or (char == "'" and top != '"'):
                self._inside.append(char)
            elif char == "`" and "`" in self._inside:
                while self._inside.pop() != "`":
                    pass
            elif char == "`":
                self._inside.append(char)
            elif char == "(" and before == "$":
                self._inside.append(")")
            elif char == ")" and top == ")":
                self._inside.pop()
            before = char

    def reference(self, number: int) -> str:
        top = self._inside[-1]
        if top == '"':
            return f"${{{number}}}"
        return f"""'"${{{number}}}"'""" if top == "'" else f'"${{{number}}}"'
