"""Where downloads are kept: $XDG_CACHE_HOME/oxen-integrations, else ~/.cache/oxen-integrations."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache_dir(*parts: str) -> Path:
    """A folder inside the cache, made if need be."""
    root = os.environ.get("XDG_CACHE_HOME")  # an empty or relative one counts as unset, says the XDG standard
    base = Path(root) if root and Path(root).is_absolute() else Path.home() / ".cache"
    folder = base.joinpath("oxen-integrations", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def replaced(file: Path) -> Iterator[Path]:
    """A path to write to that becomes `file` when all went well: no reader ever sees half a file."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".new-") as folder:
        new = Path(folder) / file.name
        yield new
        new.replace(file)
