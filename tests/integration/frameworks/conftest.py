"""The conformance suite is for any LLM of LlamaIndex's; of its tables, three rows each are run before a commit."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.entry_points import EVERY


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of each parametrised test of the suite keep the first, the middle and the last row (all: `EVERY_ENTRY_POINT`)."""
    suite = [item for item in items if item.path.name == "test_llama_index_conformance.py"]
    dropped: set[pytest.Item] = set()
    for _, group in groupby(suite, lambda item: item.nodeid.partition("[")[0]):
        rows = list(group)
        dropped |= set(rows) - {rows[0], rows[len(rows) // 2], rows[-1]}
    if dropped and not EVERY:
        config.hook.pytest_deselected(items=list(dropped))
        items[:] = [item for item in items if item not in dropped]
