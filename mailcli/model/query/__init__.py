"""The query language of `search`: text to tree (`parse`), tree to text and to words (`explain`)."""

from mailcli.model.query.ast import Query
from mailcli.model.query.explain import explain, unparse
from mailcli.model.query.parse import parse

__all__ = ["Query", "explain", "parse", "unparse"]
