"""Pictures of a letter: files that its HTML or Markdown names travel inside it (RFC 2392 `cid:`)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from mailcli.accounts.paths import user_path
from mailcli.app.addressing import attachment
from mailcli.errors import MessageMalformed
from mailcli.model import pattern
from mailcli.model.draft import Attachment, Draft

_IMAGE: Final = pattern.compile(
    r"""(<img\b[^<>]{0,2000}?\ssrc\s*=\s*)("[^"<>]{1,2000}"|'[^'<>]{1,2000}')""", re.IGNORECASE
)
_SCHEME: Final = pattern.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)


def inlined(draft: Draft, base: Path, *, markdown: bool = False, foreign: str = "") -> Draft:
    """The draft with the files its HTML shows as images attached inline, `base` being where relative
    names begin; with `markdown` the HTML is made of the text first.

    `foreign` is the part of the text that somebody else wrote: an image named there is never read from
    this machine, or an answer would carry its files away. Raises NotFound, LocalIOError for an image that
    cannot be read, ConfigError without the Markdown library.
    """
    if not markdown and not draft.html:
        return draft
    from hashlib import sha256

    pictures: dict[str, Attachment] = {}
    domain = draft.message_id.rpartition("@")[2]

    def name(source: str) -> str:
        """The `cid:` URL of a local file; any other address as it is."""
        if source.startswith(("//", "#")) or (
            _SCHEME.match(source) and not source.lower().startswith("file:")
        ):
            return source
        path = base / user_path(unquote(re.sub(r"(?i)^file:(//)?", "", source)))
        if source not in pictures:
            found = attachment(path)
            if not found.type.startswith("image/"):
                raise MessageMalformed(f"{path} is shown as an image and is none", hint="link to it instead")
            # of the content, so that the same letter made again is the same (see `app.once`)
            digest = sha256(source.encode("utf-8", "replace") + b"\0" + found.data).hexdigest()
            pictures[source] = found._replace(cid=f"{digest[:32]}@{domain}")
        return f"cid:{pictures[source].cid}"

    if markdown:
        from mailcli.mime.markdown import rendered

        made = rendered(draft.text, name, foreign)
    else:
        made = _named(draft.html, name)
    return draft._replace(html=made, attachments=(*draft.attachments, *pictures.values()))


def _named(text: str, name: Callable[[str], str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        source = html.unescape(match[2][1:-1]).strip()
        return f'{match[1]}"{html.escape(name(source))}"'

    return _IMAGE.sub(replaced, text)
