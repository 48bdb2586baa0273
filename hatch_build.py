"""Build hook: the wheel carries the manual pages and the shell completions to where they belong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "mailcli.bash": "share/bash-completion/completions/mailcli",
    "_mailcli": "share/zsh/site-functions/_mailcli",
    "mailcli.fish": "share/fish/vendor_completions.d/mailcli.fish",
}


class SharedFiles(BuildHookInterface):  # type: ignore[type-arg]  # generic only while type checking
    """`man/mailcli-query.7` becomes `share/man/man7/mailcli-query.7`; completions likewise."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        shared = build_data["shared_data"]
        for page in sorted(root.glob("man/*.[1-8]")):
            shared[str(page)] = f"share/man/man{page.suffix[1:]}/{page.name}"
        for name, place in COMPLETIONS.items():
            if (root / "completions" / name).exists():
                shared[str(root / "completions" / name)] = place
