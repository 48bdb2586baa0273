"""How each kind of result is shown: its JSON fields, its columns, its text."""
