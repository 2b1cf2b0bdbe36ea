"""Record what the frameworks hand to a model: `python -m tools.histories.record [NAME ...]`.

The real model runs on this machine, as in tests/integration/real_model/test_langchain.py. Without names all
runs are recorded, which takes some ten minutes on two cores.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from unittest.mock import patch

import pytest

from _oxen_transport.testing import Server
from examples.support.local import start_server
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tools.histories import langchain_runs, llama_index_runs
from tools.histories.files import REAL, Recording, dump_langchain, dump_llama_index, write

VERSIONS = {
    "langchain": ("langchain-core", "langchain", "langgraph", "deepagents"),
    "llama_index": ("llama-index-core", "llama-index-workflows"),
}


@contextmanager
def recorded(framework: str) -> Iterator[Recording]:
    """Whatever the model class is given, in whichever copy of the model, until the end of the block."""
    kind: Any = ChatOxen if framework == "langchain" else Oxen
    recording = Recording(dump_langchain if framework == "langchain" else dump_llama_index)
    original = kind._request  # the one place that all entry points of a class go through

    def noted(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
        recording.add(messages, next(arg for arg in args if isinstance(arg, dict)).get("tools") or ())
        return original(self, messages, *args, **kwargs)

    with patch.object(kind, "_request", noted):
        yield recording


class OneRealServer:
    """A pytest plugin: the tests use the real server that runs already."""

    def __init__(self, url: str) -> None:
        self._url = url

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> str | None:
        """Set the fixture up; None: as ever."""
        if fixturedef.argname != "local_model_url":
            return None
        fixturedef.cached_result = (self._url, fixturedef.cache_key(request), None)
        return self._url


def run_tests(ids: tuple[str, ...], url: str) -> None:
    """Raises: RuntimeError, if a test fails or none is found."""
    if pytest.main(["-q", "-p", "no:cacheprovider", *ids], [OneRealServer(url)]):
        raise RuntimeError(f"not recorded: {ids}")


def record(name: str, server: Server, url: str) -> None:
    """Play one run and write its file."""
    runs = langchain_runs if name in langchain_runs.RUNS else llama_index_runs
    framework = "langchain" if runs is langchain_runs else "llama_index"
    driven_by, play = runs.RUNS[name]
    with recorded(framework) as recording:
        if isinstance(play, tuple):
            run_tests(play, url)
        else:
            play(server, url)
    versions = " ".join(f"{package} {version(package)}" for package in VERSIONS[framework])
    head = {"framework": framework, "driven_by": driven_by, "recorded_with": versions}
    write(name, head, recording)


def main(names: list[str]) -> None:
    every = {**langchain_runs.RUNS, **llama_index_runs.RUNS}
    chosen = names or list(every)
    url = start_server() if any(every[name][0] == REAL for name in chosen) else ""
    with Server() as server:
        for name in chosen:
            start = time.monotonic()
            record(name, server, url)
            print(f"{name}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
