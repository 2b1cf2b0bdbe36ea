"""Makes a distribution by another name require `oxen-integrations` in its own version, and link to the same pages."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = {"langchain-oxen": "langchain", "llama-index-llms-oxen": "llama-index"}


class SameVersionHook(MetadataHookInterface):
    """Fills `dependencies` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write both fields, in place."""
        extra = EXTRAS[metadata["name"]]
        metadata["dependencies"] = [f"oxen-integrations[{extra}]=={metadata['version']}"]
        main = runpy.run_path(str(Path(self.root).parents[1] / "hatch_build.py"))
        metadata["urls"] = main["urls"](main["repository_url"]())


def get_metadata_hook() -> type[SameVersionHook]:
    """The hook that hatch looks for."""
    return SameVersionHook
