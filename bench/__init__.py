"""Benchmarks: mailcli beside its peers, on the same servers in one run.

    python -m bench                      a quick look at everything
    python -m bench imap-first --messages 10000 --runs 5
    python -m bench --list

Times drift between machines and hours: the table compares programs that ran in turn, as ratios.
"""
