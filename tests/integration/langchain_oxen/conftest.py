"""What the tests of `ChatOxen` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from _oxen_transport.testing import Server, Stage
from langchain_oxen import ChatOxen


@pytest.fixture
def make(server: Server) -> Callable[..., tuple[ChatOxen, Stage]]:
    """A model at a server that does what the script says, and what it got."""

    def made(*attempts: Any, kind: type[ChatOxen] = ChatOxen, **options: Any) -> tuple[ChatOxen, Stage]:
        stage = server.stage(*attempts)
        return kind(**{"base_url": stage.url, "api_key": "sk-canary-1", "max_retries": 0, **options}), stage

    return made
