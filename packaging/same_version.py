"""Makes a distribution by another name require `oxen-integrations` in its own version."""

from __future__ import annotations

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = {"langchain-oxen": "langchain", "llama-index-llms-oxen": "llama-index"}


class SameVersionHook(MetadataHookInterface):
    """Fills `dependencies`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write the one requirement, in place."""
        extra = EXTRAS[metadata["name"]]
        metadata["dependencies"] = [f"oxen-integrations[{extra}]=={metadata['version']}"]


def get_metadata_hook() -> type[SameVersionHook]:
    """The hook that hatch looks for."""
    return SameVersionHook
