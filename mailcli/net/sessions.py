"""Signed-in connections: dial, greet, STARTTLS, sign in, and close politely.

    open_imap(endpoint, secret, *, deadlines, cancel, transcript=None) -> ImapConnection
    open_pop3(endpoint, secret, *, deadlines, cancel, transcript=None) -> Pop3Connection
    open_smtp(endpoint, secret, *, ehlo, deadlines, cancel, transcript=None) -> SmtpConnection

Each has `pump`, `greeted`, `close()` and is a context manager. (To be filled in as soon as the
engines are in.)
"""
