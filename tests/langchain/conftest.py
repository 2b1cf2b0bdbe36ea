"""A real model for the tests that want one."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def local_model_url() -> str:
    """A real model on a real server, one for the session."""
    from examples.support.cache import cache_dir
    from examples.support.local import start_server
    from examples.support.weights import NAME

    if not os.environ.get("OXEN_LOCAL_MODEL") and not (cache_dir("models") / NAME).is_file():
        pytest.skip("no weights here: set OXEN_LOCAL_MODEL to a GGUF file, or run one of the examples once")
    return start_server()
