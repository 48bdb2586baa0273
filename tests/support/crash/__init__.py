"""Cutting runs short: what `tests/crash` is made of.

`flows` says what is cut, `trial` prepares and judges a run, `children` runs it in a process that may
be killed, `relay` cuts its connection, `strace` its system calls, `power` its disk.
"""
