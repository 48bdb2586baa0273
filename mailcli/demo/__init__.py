"""A mail world on loopback: SMTP, IMAP and POP3 servers with two residents and some mail.

For `mailcli demo` and for trying things out; it keeps everything in memory and trusts everybody
on this machine. It needs the extra `mailcli[demo]` (aiosmtpd for SMTP, pymap for IMAP).
"""
