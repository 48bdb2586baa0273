"""The signature under what is written, and the order of text, signature and quotation."""

from __future__ import annotations

from mailcli.errors import LocalIOError, NotFound
from mailcli.model.account import Account


def letter(account: Account, text: str, quotation: str = "", *, signed: bool = True) -> str:
    """The whole text of a letter: what was written, and below it the quotation and the signature in
    the order the account wants. Raises NotFound, LocalIOError for the signature's file."""
    below = f"\n{quotation}" if quotation else ""
    words = signature(account) if signed else ""
    if not words:
        return text + below
    if text and not text.endswith("\n"):
        text += "\n"
    if account.composing.above:
        return f"{text}{_marked(text, words)}{below}"
    body = text + below
    if body and not body.endswith("\n"):
        body += "\n"
    return body + _marked(body, words)


def _marked(before: str, words: str) -> str:
    # A line "-- " by itself (RFC 3676 §4.3); readers drop what is below it when they quote.
    gap = "" if before.endswith("\n\n") else "\n"
    return f"{gap}-- \n{words}\n"


def signature(account: Account) -> str:
    """The account's signature without its mark; "" if it has none."""
    held = account.composing.signature
    if not isinstance(held, str):
        try:
            held = held.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            raise NotFound(
                f"there is no signature file {held}", hint=f"correct accounts.{account.name}.signature_file"
            ) from None
        except OSError as error:
            raise LocalIOError(f"cannot read the signature {held}: {error.strerror}") from error
    held = held.replace("\r\n", "\n").strip("\n")
    return held.removeprefix("-- \n")
