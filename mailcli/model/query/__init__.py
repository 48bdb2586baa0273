"""The query language of `search`: text to tree (`parse.parse`), tree to text and to words (`explain`)."""
