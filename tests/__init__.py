"""Tests of mailcli. Names of tests are sentences of behaviour."""
