"""The server for users' tests, as its fixture gives it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from _oxen_transport.testing import OxenServer, Server


@pytest.fixture
def oxen_server() -> Iterator[OxenServer]:
    with Server() as running:
        yield OxenServer(running)
