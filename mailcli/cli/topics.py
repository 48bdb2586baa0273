"""The topics of `mailcli help`: what no single command's page can say."""

from __future__ import annotations

from typing import Final

QUERY: Final = """\
Queries, as `search` and `export` take them

Words are joined by and; a line of words finds the messages that have them all,
in any field or in the text. Nothing is stemmed: plan does not find plans, but
plan* does.

  word              a word, whatever its case and accents: angstrom finds Ångström
  word*             a beginning
  "two words"       a phrase (the shell needs quotes of its own around these)
  -term, NOT term   not
  a OR b            either
  (a OR b) c        grouping
  a NEAR b          close to each other; NEAR/5 sets how close

Fields: from: to: cc: bcc: subject: body: list: filename: attachment: mime:
header.NAME: id: thread: account: tag: and these:

  in:NAME           a folder: its whole name, or its last part if unique;
                    in:any is everything, Spam and Trash too
  is:unread         also read flagged answered draft replied encrypted signed
  has:attachment    also list, invite, link
  from:me           your own addresses
  date:2026-05..    a range of days; also before: after: newer_than:3w
                    older_than:1y (units: min h d w mo y), date:yesterday
  larger:10M        also smaller:, size:1M..5M
  subject:/RE/      a regular expression, as a field's value only

Without in:, Spam and Trash are left out. An unknown field is an error (exit 2)
with a suggestion, never a search without hits. A term on a field that a message
lacks is false. --explain prints how a query was understood.

  mailcli search 'from:alice (launch OR plan) -is:read newer_than:2w'
  mailcli search 'filename:pdf larger:1M in:any'
"""

OUTPUT: Final = """\
Output

stdout has the result and nothing else. Progress, notices and errors go to
stderr. What others wrote is filtered: no control character of a mail reaches
your terminal.

On a terminal, lists are aligned, coloured and cut to its width, and ids are
shown by their shortest unique beginning. Piped, each record is a line of fields
parted by tabs, the id first and in full; a message has

  id  date  flags  from  subject  folder  size

--ids             only the ids
-0, --null        records end with NUL instead of a line break
--json            one document: {"schema": 1, "data": [...], "next": null,
                  "warnings": []}. Times are ISO 8601 with offset, addresses
                  {"name", "email"}, flags a list of names. "next" is the cursor
                  for --after. `mailcli config schema` prints the schema. Errors
                  are JSON too, on stderr:
                  {"error": {"code", "kind", "message", "hint"}}
--format T        a template: '{date:%F} {from.email}\\t{subject}'. Fields are
                  those of --json; addresses have .name and .email; after a
                  colon stands a format, of strftime for dates, else of Python.
                  \\t \\n \\0 are escapes, {{ and }} are braces. An unknown field
                  is an error before anything is done.

An id, or any unique beginning of it, names one copy of a message in a folder.
mid:MESSAGE-ID and t:THREAD name all copies. - reads ids from stdin, the first
field of each line; when there are none, there is nothing to do, and the exit
code is 0.

  mailcli search 'from:bank filename:pdf' --ids | xargs -I{} mailcli attach save {} '*.pdf'
  mailcli list --json | jq -r '.data[] | select(.flags | index("flagged")) | .subject'
"""

EXIT_CODES: Final = """\
Exit codes

  0    done; also when there was nothing to do
  1    some of it failed; or nothing was found, with search -e
  2    the command line, or a query, is wrong
  65   the message is malformed, or was refused for good
  66   no such message, folder, account or file
  67   a recipient was refused
  68   the host is unknown
  69   the server refused for good
  70   a bug in mailcli
  73   a file cannot be created
  74   reading or writing here failed: disk full, damaged file
  75   try again later: no connection, time out, a lock, a temporary refusal
  76   the server broke the protocol
  77   signing in failed, or the certificate was refused
  78   the configuration is wrong or incomplete
  79   the outcome is unknown: the message may have been accepted; do not send
       it again without looking
  130  interrupted

Where several things were asked for: if all end alike, that code; else 1. A
change made here whose server could not be reached is queued, and ends with 0.
"""

ENVIRONMENT: Final = """\
Environment

  MAILCLI_PROFILE   keep configuration, data and state below this directory
  MAILCLI_PAGER     the pager of `read`, before PAGER (default: less; cat: none)
  MAILCLI_OPENER    the program of `attach open`, before xdg-open
  VISUAL, EDITOR    the editor of `send`, `reply` and `config edit`
  NO_COLOR          no colours (--color always overrules it)
  TERM=dumb         no colours
  COLUMNS, LINES    the size of the terminal, if it does not tell
  XDG_CONFIG_HOME   the configuration is in mailcli/config.toml below it
                    (default: ~/.config)
  XDG_DATA_HOME     the mailbox is in mailcli/ below it (~/.local/share)
  XDG_STATE_HOME    locks and logs are in mailcli/ below it (~/.local/state)
  TZ                the time zone of the dates in lists
"""

_TEXTS: Final = {
    "query": QUERY,
    "output": OUTPUT,
    "exit-codes": EXIT_CODES,
    "environment": ENVIRONMENT,
}


def text(topic: str) -> str:
    return _TEXTS[topic]
