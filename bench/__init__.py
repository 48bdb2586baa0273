"""Benchmarks: mailcli beside its peers, on the same servers."""
