"""A part of each fuzz run in CI; the long runs are `python -m tools.fuzz.replies --n 2000000` and its kin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tools.fuzz import answers, messages, replies
from tools.fuzz.running import BATCH, Trial, finds

INPUTS = int(os.environ.get("FUZZ_INPUTS", "50000")) // 3


@pytest.mark.parametrize("target", [replies, messages, answers], ids=["replies", "messages", "answers"])
def test_only_typed_errors(target: Any) -> None:
    for batch in range(INPUTS // BATCH):
        found = finds(target.trials, 1, batch)
        assert not found, f"{found[0].why}\n{found[0].shown}"


def test_a_find_is_found() -> None:
    """The harness would see an untyped error."""

    def trials(_seed: int, _batch: int, count: int) -> Iterator[Trial]:
        for number in range(count):
            yield (lambda number=number: 1 // number), (lambda number=number: str(number))  # type: ignore[misc]

    assert [(find.number, find.shown, find.why[:18]) for find in finds(trials, 1, 2)] == [
        (0, "0", "ZeroDivisionError:")
    ]
