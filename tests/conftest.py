"""Fixtures for all tests: the scripted server in each of its forms, and every entry point of the library."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

from _oxen_transport.testing import Server, ports
from tests.certificates import Certificates
from tests.entry_points import one_of_each
from tests.shared_server import shared_server

if TYPE_CHECKING:
    from collections.abc import Iterator

_FROM_OUTSIDE = (
    *("OXEN_API_KEY", "OXEN_BASE_URL", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, proxy or certificate of the developer's own decides a test."""
    for name in _FROM_OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OXEN_CONFIG_DIR", str(Path(__file__).parent / "no-such-folder"))


@pytest.fixture(autouse=True)
def _own_retry_budget() -> Iterator[None]:
    """All tests call one host; one test's outage must not use up the retries of the next."""
    yield
    if (module := sys.modules.get("_oxen_transport.retry")) is not None:
        module.forget_budgets()


@pytest.fixture(autouse=True)
def _own_connections() -> Iterator[None]:
    """All tests call one host; a connection that one test's server is closing must not be the next test's."""
    yield
    if (module := sys.modules.get("_oxen_transport.http.sync_requests")) is not None:
        while module._pools:
            module._pools.popitem()[1].close()


@pytest.fixture(autouse=True)
def _own_defaults() -> Iterator[None]:
    """LlamaIndex has one model and one tokenizer for the whole process; what a test sets ends with it."""
    core = sys.modules.get("llama_index.core")
    before = core and (core.Settings._llm, core.Settings._tokenizer, core.global_tokenizer)
    yield
    if core is not None and before is not None:
        core.Settings._llm, core.Settings._tokenizer, core.global_tokenizer = before


@pytest.fixture(scope="session")
def local_model_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with a real small model, one for all workers; its weights are fetched once and kept."""
    from examples.support.local import start_server

    folder = tmp_path_factory.getbasetemp()
    with shared_server(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder, start_server) as url:
        yield url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "local_model_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))  # the first one may fetch 490 MB of weights


@pytest.fixture
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off in milliseconds: who retries how often is under test, not how long it waits."""
    from _oxen_transport import call, retry

    def quick(*args: object, **kwargs: object) -> retry.RetryPolicy:
        return retry.RetryPolicy(*args, **{"first": 0.01, **kwargs})  # type: ignore[arg-type]

    monkeypatch.setattr(call, "RetryPolicy", quick)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def other_server() -> Iterator[Server]:
    """A second host, for whatever must not reach it."""
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls_server(certificates: Certificates) -> Iterator[Server]:
    with Server(certificates.good) as running:
        yield running


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    with ports.closed_port() as port:
        yield port


@pytest.fixture(scope="session")
def unresponsive_port() -> Iterator[int]:
    with ports.black_hole() as port:
        yield port


@pytest.fixture(scope="session")
def silent_port() -> Iterator[int]:
    with ports.mute_port() as port:
        yield port


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `api`, and names no entry points itself, runs for a sync and an async one in turn."""
    named = [name for mark in metafunc.definition.iter_markers("parametrize") for name in _names(mark.args[0])]
    if "api" in metafunc.fixturenames and "api" not in named:
        metafunc.parametrize("api", one_of_each(crc32(metafunc.function.__name__.encode())), ids=str)


def _names(argument: str | tuple[str, ...]) -> list[str]:
    return [name.strip() for name in argument.split(",")] if isinstance(argument, str) else list(argument)
