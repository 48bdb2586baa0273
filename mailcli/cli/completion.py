"""Completion files for bash, zsh and fish, written from the command tables.

`completions/` holds what this module prints; a test says when it has to be written anew
(`python -m mailcli.cli.completion completions`). Values that change (accounts, folders, ids,
addresses, changes, queries) are asked of `mailcli __complete` when they are wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mailcli.cli import table
from mailcli.cli.spec import GLOBALS, HELP, Command, Group, Option
from mailcli.model.record import NamedTuple

FILES: Final = {"bash": "mailcli.bash", "zsh": "_mailcli", "fish": "mailcli.fish"}
FIXED: Final = {
    "shells": ("bash", "zsh", "fish"),
    "topics": (
        *("query", "output", "exit-codes", "environment"),
        *(name for name, entry in table.COMMANDS.items() if entry.section),
    ),
}
DYNAMIC: Final = ("accounts", "folders", "ids", "addresses", "changes", "queries")
_HEAD: Final = "Written by `mailcli completion`; do not edit."


class Leaf(NamedTuple):
    """A command as its shell sees it: the words that lead to it."""

    path: tuple[str, ...]
    command: Command


def leaves() -> Iterator[Leaf]:
    """Every public command, those of groups one by one."""
    for name, entry in table.COMMANDS.items():
        if not entry.section:
            continue
        found = table.load(name)
        if isinstance(found, Group):
            yield from (Leaf((name, each.name), each) for each in found.commands)
        elif found is not None:
            yield Leaf((name,), found)


def groups() -> dict[str, Group]:
    loaded = {name: table.load(name) for name, entry in table.COMMANDS.items() if entry.section}
    return {name: found for name, found in loaded.items() if isinstance(found, Group)}


def top() -> list[tuple[str, str]]:
    return [(name, entry.help) for name, entry in table.COMMANDS.items() if entry.section]


def script(shell: str) -> str:
    """The completion file of a shell."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()


def _values(option: Option) -> str:
    """The kind of value to offer: a dynamic kind, files, dirs, `=a b c` for fixed ones, or ""."""
    return f"={' '.join(option.choices)}" if option.choices else option.complete


def _argument(command: Command) -> str:
    """What the arguments of a command are: the last that a shell knows values of, as of `attach save ID
    GLOB` the ID."""
    kind = next((a.complete for a in reversed(command.arguments) if a.complete), "")
    return f"={' '.join(FIXED[kind])}" if kind in FIXED else kind


# -- bash ------------------------------------------------------------------------------------------


def _bash() -> str:
    lines = [f"# bash completion for mailcli. {_HEAD}", "", _BASH_HELPERS, "_mailcli() {", _BASH_WALK]
    lines.append('  case "$path" in')
    lines.append(f"    '') words='{' '.join(name for name, _ in top())}' ;;")
    for name, group in groups().items():
        lines.append(f"    '{name}') words='{' '.join(each.name for each in group.commands)}' ;;")
    for path, command in leaves():
        options = " ".join(n for o in command.options for n in o.names)
        words = f"options='{options}'; arg='{_argument(command)}'"
        values = [(o.names, _values(o)) for o in command.options if o.takes_value]
        cases = "".join(f" {'|'.join(names)}) value='{kind or '-'}' ;;" for names, kind in values)
        chosen = f'; case "$prev" in{cases} esac' if cases else ""
        lines.append(f"    '{' '.join(path)}') {words}{chosen} ;;")
    lines += ["  esac", _BASH_END, "}", "complete -F _mailcli mailcli"]
    shared = " ".join(n for o in (*GLOBALS, HELP) for n in o.names)
    taking = "|".join(n for o in GLOBALS if o.takes_value for n in o.names)
    cases = "\n".join(
        f"    {'|'.join(o.names)}) value='{_values(o) or '-'}' ;;" for o in GLOBALS if o.takes_value
    )
    text = "\n".join(lines) + "\n"
    text = text.replace("@GROUPS@", "|".join(groups())).replace("@DYNAMIC@", "|".join(DYNAMIC))
    return text.replace("@SHARED@", shared).replace("@TAKING@", taking).replace("@SHAREDVALUES@", cases)


_BASH_HELPERS: Final = r"""_mailcli_ask() {  # candidates from the local mailbox, quoted for the command line
  local line value
  while IFS= read -r line; do
    value=${line%%$'\t'*}
    COMPREPLY+=("$(printf '%q' "$value")")
  done < <(mailcli ${account:+-A "$account"} ${profile:+--profile "$profile"} \
    __complete "$1" -- "$2" 2>/dev/null)
}

_mailcli_offer() {  # by kind
  case "$1" in
    =*) COMPREPLY=($(compgen -W "${1#=}" -- "$2")) ;;
    files) compopt -o filenames; COMPREPLY=($(compgen -f -- "$2")) ;;
    dirs) compopt -o filenames; COMPREPLY=($(compgen -d -- "$2")) ;;
    @DYNAMIC@) _mailcli_ask "$1" "$2" ;;
  esac
}
"""

_BASH_WALK: Final = r"""  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
  local path='' words='' options='' arg='' value='' account='' profile='' i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case "$word" in
      -A|--account) account=${COMP_WORDS[i+1]}; ((i++)) ;;
      --profile) profile=${COMP_WORDS[i+1]}; ((i++)) ;;
      @TAKING@) ((i++)) ;;
      -*) ;;
      *) case "$path" in
           ''|@GROUPS@) path="${path:+$path }$word" ;;
         esac ;;
    esac
  done
  case "$path" in sync) path=fetch ;; esac
  case "$prev" in
@SHAREDVALUES@
  esac"""

_BASH_END: Final = r"""  if [[ -n $value ]]; then
    _mailcli_offer "$value" "$cur"
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options @SHARED@" -- "$cur"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    _mailcli_offer "$arg" "$cur"
  fi"""


# -- zsh -------------------------------------------------------------------------------------------


def _zsh() -> str:
    lines = ["#compdef mailcli", f"# zsh completion for mailcli. {_HEAD}", "", _ZSH_HELPERS]
    lines += ["_mailcli() {", "  local curcontext=$curcontext state line", "  local -a shared"]
    lines += ["  shared=(", *(f"    {_zsh_option(o)}" for o in (*GLOBALS, HELP)), "  )"]
    lines += ["  _arguments -C $shared '1:command:->command' '*::word:->word'", "  case $state in"]
    lines += ["    command)", "      local -a commands", "      commands=("]
    lines += [f"        {_zsh_quote(f'{name}:{says}')}" for name, says in top()]
    lines += [
        "      )",
        "      _describe -t commands command commands ;;",
        "    word)",
        "      case $words[1] in",
    ]
    grouped = groups()
    for path, command in leaves():
        if len(path) == 1:
            names = "fetch|sync" if path[0] == "fetch" else path[0]
            lines.append(f"        {names})")
            lines += _zsh_arguments(command, "          ")
    for name, group in grouped.items():
        lines += [
            f"        {name})",
            "          _arguments -C $shared '1:command:->command' '*::word:->word'",
        ]
        lines += ["          case $state in", "            command)", "              local -a commands"]
        lines += ["              commands=("]
        lines += [f"                {_zsh_quote(f'{each.name}:{each.help}')}" for each in group.commands]
        lines += [
            "              )",
            "              _describe -t commands command commands ;;",
            "            word)",
        ]
        lines += ["              case $words[1] in"]
        for each in group.commands:
            lines.append(f"                {each.name})")
            lines += _zsh_arguments(each, "                  ")
        lines += ["              esac ;;", "          esac ;;"]
    lines += ["      esac ;;", "  esac", "}", "", '_mailcli "$@"']
    return "\n".join(lines) + "\n"


_ZSH_HELPERS: Final = r"""_mailcli_ask() {  # candidates from the local mailbox, with descriptions
  local -a values says
  local line
  while IFS= read -r line; do
    values+=("${line%%$'\t'*}")
    says+=("${line%%$'\t'*}  ${line#*$'\t'}")
  done < <(mailcli __complete $1 -- "${(Q)PREFIX}" 2>/dev/null)
  compadd -V "$1" -l -d says -a values
}
"""


def _zsh_quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _zsh_action(kind: str) -> str:
    if kind.startswith("="):
        return f"({kind[1:]})"
    fixed = {"files": "_files", "dirs": "_files -/", "": " "}
    return fixed.get(kind, f" _mailcli_ask {kind}")  # with the space, zsh calls it as it stands


def _zsh_option(option: Option) -> str:
    says = option.help.replace("[", "(").replace("]", ")").replace(":", "\\:")
    value = (
        f":{option.placeholder.split('|')[0].lower()}:{_zsh_action(_values(option))}"
        if option.takes_value
        else ""
    )
    many = "*" if option.multiple or option.kind == "count" or len(option.names) > 1 else ""
    names = "{" + ",".join(option.names) + "}" if len(option.names) > 1 else option.names[0]
    if len(option.names) > 1:
        return f"{_zsh_quote(many) if many else ''}{names}{_zsh_quote(f'[{says}]{value}')}"
    return _zsh_quote(f"{many}{names}[{says}]{value}")


def _zsh_arguments(command: Command, indent: str) -> list[str]:
    lines = [f"{indent}_arguments $shared \\"]
    lines += [f"{indent}  {_zsh_option(option)} \\" for option in command.options]
    return [*lines, f"{indent}  '*:word:{_zsh_action(_argument(command))}' ;;"]


# -- fish ------------------------------------------------------------------------------------------


def _fish() -> str:
    lines = [f"# fish completion for mailcli. {_HEAD}", "", _FISH_HELPERS, "complete -c mailcli -f"]
    lines += [_fish_option(option, "") for option in (*GLOBALS, HELP)]
    for name, says in top():
        lines.append(f"complete -c mailcli -n '__mailcli_at' -a {name} -d {_fish_quote(says)}")
    for name, group in groups().items():
        for each in group.commands:
            lines.append(
                f"complete -c mailcli -n '__mailcli_at {name}' -a {each.name} -d {_fish_quote(each.help)}"
            )
    for path, command in leaves():
        here = f"__mailcli_in {' '.join(path)}"
        lines += [_fish_option(option, here) for option in command.options]
        offered = _fish_values(_argument(command))
        if offered:
            lines.append(f"complete -c mailcli -n '{here}' {offered}")
    return "\n".join(lines) + "\n"


_FISH_HELPERS: Final = r"""function __mailcli_path  # the words of the line that are no options
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        string match -q -- '-*' $word; or echo $word
    end
end
function __mailcli_at  # the next word is the one after exactly these
    set -l path (__mailcli_path)
    test "$path" = "$argv"
end
function __mailcli_in  # these words have been typed
    set -l path (__mailcli_path)
    set -l many (count $argv)
    test (count $path) -ge $many; and test "$path[1..$many]" = "$argv"
end
function __mailcli_ask
    mailcli __complete $argv[1] -- (commandline -ct) 2>/dev/null
end
"""


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_values(kind: str) -> str:
    if kind.startswith("="):
        return f"-a '{kind[1:]}'"
    if kind == "files":
        return "-F"
    if kind == "dirs":
        return "-a '(__fish_complete_directories (commandline -ct))'"
    return f"-a '(__mailcli_ask {kind})'" if kind in DYNAMIC else ""


def _fish_option(option: Option, where: str) -> str:
    words = ["complete -c mailcli"]
    words += [f"-n '{where}'"] if where else []
    for name in option.names:
        words.append(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}")
    if option.takes_value:
        words.append("-r")
        words += [value] if (value := _fish_values(_values(option))) else []
    return " ".join([*words, f"-d {_fish_quote(option.help)}"])


if __name__ == "__main__":
    for shell, name in FILES.items():
        (Path(sys.argv[1]) / name).write_text(script(shell), encoding="utf-8")
