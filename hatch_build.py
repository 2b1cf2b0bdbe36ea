"""What the distributions say about themselves: links that work on a package index, too.

Where the repository lies is known only where it is built for release: GitHub sets GITHUB_SERVER_URL and
GITHUB_REPOSITORY. Elsewhere the README's links stay relative, and `project.urls` names only Oxen's own pages.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

URLS = {"Homepage": "https://www.oxen.ai", "Oxen API": "https://docs.oxen.ai/inference-api/overview"}
_LINK = re.compile(r"(!?)\[([^]]*)\]\((?!https?://|#)([^)]+)\)")


class LinkHook(MetadataHookInterface):
    """Fills `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write both fields, in place."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = repository_url()
        metadata["urls"] = urls(repository)
        if repository:
            text = with_absolute_links(text, repository)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def repository_url() -> str | None:
    """Where the repository is served, if the build knows it."""
    name = os.environ.get("GITHUB_REPOSITORY")
    return f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}" if name else None


def urls(repository: str | None) -> dict[str, str]:
    """`project.urls`: also those of the distributions in packaging/."""
    if repository is None:
        return dict(URLS)
    return URLS | {
        "Documentation": f"{repository}/blob/HEAD/docs/index.md",
        "Source": repository,
        "Changelog": f"{repository}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


def with_absolute_links(text: str, repository: str) -> str:
    """Markdown whose relative links lead into the repository, and whose pictures are the files themselves."""

    def absolute(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        return f"{mark}[{label}]({repository}/{'raw' if mark else 'blob'}/HEAD/{target})"

    return _LINK.sub(absolute, text)


def get_metadata_hook() -> type[LinkHook]:
    """The hook that hatch looks for."""
    return LinkHook
