"""The recorded replies of `tests/replies`, see the README there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _oxen_transport.testing import Step

REPLIES = Path(__file__).parents[2] / "tests" / "replies"


def recorded(name: str) -> list[Step]:
    """The bytes of a file in tests/replies, exactly."""
    return [(REPLIES / name).read_bytes()]
