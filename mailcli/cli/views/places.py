"""Paths that were written."""

from __future__ import annotations

from typing import Final

from mailcli.cli.views.view import Field, View

PATHS: Final = View("path", {"path": Field("text", str)}, tsv=("path",))
