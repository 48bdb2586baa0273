"""One program for mail: send, fetch, search and read."""

__version__ = "0.1.0"
