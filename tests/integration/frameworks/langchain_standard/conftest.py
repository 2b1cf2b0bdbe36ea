"""What LangChain's standard tests need beside a model."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from langchain_tests.conftest import CustomPersister, CustomSerializer, base_vcr_config
from vcr import VCR

OXEN_ID = ("langchain_oxen", "chat_models", "ChatOxen")


@pytest.fixture(autouse=True)
def _known_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """`test_serdes` loads with `allowed_objects="all"`, which means: what is in core's own list.

    Users say `load(..., allowed_objects=[ChatOxen], valid_namespaces=["langchain_oxen"])`, see
    tests/unit/langchain_oxen/test_round_trips.py; a line in core's list is up to core
    (https://github.com/langchain-ai/langchain/pull/36510).
    """
    load = importlib.import_module("langchain_core.load.load")
    monkeypatch.setitem(load.ALL_SERIALIZABLE_MAPPINGS, OXEN_ID, OXEN_ID)
    if (cache := getattr(load, "_default_class_paths_cache", None)) is not None:
        monkeypatch.setattr(load, "_default_class_paths_cache", type(cache)())


@pytest.fixture(scope="session")
def vcr_config() -> dict[str, Any]:
    """Cassettes hold no key, and the port a server had once does not matter."""
    packed = {"serializer": "yaml.gz", "path_transformer": VCR.ensure_suffix(".yaml.gz")}
    here = {"cassette_library_dir": str(Path(__file__).parent / "cassettes"), "match_on": ["method", "body"]}
    return {**base_vcr_config(), **packed, **here}


def pytest_recording_configure(config: pytest.Config, vcr: VCR) -> None:
    vcr.register_persister(CustomPersister())
    vcr.register_serializer("yaml.gz", CustomSerializer())


TOO_SMALL = {
    "test_tool_choice": "told to call a tool, it says hello: llama.cpp's grammar lets words come before the call",
    "test_structured_output_optional_param": "it writes one endless string",
    "test_tool_message_histories_list_content": "it writes a call that llama.cpp cannot parse, and gets a 500 for it",
}
"""Standard tests that a model of this size fails for what it says, not for how it is carried."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        reason = TOO_SMALL.get(getattr(item, "originalname", item.name))
        if reason and "TestLocalModel" in item.nodeid:
            item.add_marker(pytest.mark.skip(f"{reason}; runs in test_ideal_model.py"))
