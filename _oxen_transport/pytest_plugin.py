"""The pytest plugin: fixtures for tests of code that calls Oxen. See docs/testing.md.

pytest imports this file in every run, so it imports nothing but pytest until a test asks for a fixture.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _oxen_transport.testing.oxen_server import OxenServer

pytest.register_assert_rewrite("llama_index_oxen.testing.conformance")


@pytest.fixture
def oxen_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OxenServer]:
    """The API of Oxen on this machine, with a script; OXEN_BASE_URL and OXEN_API_KEY point to it."""
    from _oxen_transport.testing import TEST_KEY, OxenServer, Server  # noqa: PLC0415 - see above

    with Server() as running:
        server = OxenServer(running)
        monkeypatch.setenv("OXEN_BASE_URL", server.url)
        monkeypatch.setenv("OXEN_API_KEY", TEST_KEY)
        for name in ("no_proxy", "NO_PROXY"):  # a developer's proxy cannot reach this machine
            monkeypatch.setenv(name, ",".join(filter(None, [os.environ.get(name), "127.0.0.1"])))
        yield server
    if (retry := sys.modules.get("_oxen_transport.retry")) is not None:
        retry.forget_budgets()


@pytest.fixture(scope="session")
def oxen_vcr_config() -> dict[str, Any]:
    """The settings for vcrpy with which recordings hold no key, and can be read."""
    from _oxen_transport.testing.vcr import vcr_config  # noqa: PLC0415 - see above

    return vcr_config()
