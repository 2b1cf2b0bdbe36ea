"""What the catalogue is asked for, sync and async: search, developers, deployments of one's own models."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from _oxen_transport.catalogue import model_from
from _oxen_transport.errors import OxenNotFoundError
from _oxen_transport.model import OxenCatalogue
from _oxen_transport.testing import MIXTRAL, OxenServer, Server
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.entry_points import KEY
from tests.tables import each_row

MINE = {
    "id": "ox/my-mixtral",
    "object": "model",
    "display_name": "My Mixtral",
    "model_type": "custom",
    "source_model": "open-mixtral-8x22b",
    "developer": {"name": "ox"},
    "deployments": [{"status": "inactive"}],
    "pricing": {"method": "time", "cost_per_second": 0.0012},
}


@pytest.fixture
def oxen_server() -> Iterator[OxenServer]:
    with Server() as running:
        made = OxenServer(running)
        made.models = [MIXTRAL, MINE]
        yield made


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Any:
    def call(catalogue: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        made = getattr(catalogue, ("a" if request.param == "async" else "") + name)(*args, **kwargs)
        return asyncio.run(made) if inspect.iscoroutine(made) else made

    return call


@pytest.mark.parametrize("kind", [OxenCatalogue, ChatOxen, Oxen])
def test_search_and_developers(oxen_server: OxenServer, ask: Any, kind: type[Any]) -> None:
    catalogue = kind(base_url=oxen_server.url, api_key=KEY)
    assert [one.id for one in ask(catalogue, "search_models", "my mix")] == ["ox/my-mixtral"]
    assert [one.id for one in ask(catalogue, "list_models", developer="Mistral AI")] == ["open-mixtral-8x22b"]
    assert len(ask(catalogue, "list_models")) == 2, "a part was kept for the whole"
    assert [request.target.partition("/api/ai")[2] for request in oxen_server.catalogue_requests] == [
        "/models/search?search=my+mix",
        "/models?developer_name=Mistral+AI",
        "/models",
    ]


def test_a_deployment_is_started_and_stopped(oxen_server: OxenServer, ask: Any) -> None:
    catalogue = OxenCatalogue(base_url=oxen_server.url, api_key=KEY)
    mine = ask(catalogue, "get_model", "ox/my-mixtral")
    assert (mine.model_type, mine.source_model, mine.deployments, mine.is_deployed) == (
        "custom",
        "open-mixtral-8x22b",
        ("inactive",),
        False,
    )
    assert ask(catalogue, "activate", "ox/my-mixtral").deployments == ("deploying",)
    assert ask(catalogue, "deactivate", "ox/my-mixtral").deployments == ("deactivating",)
    asked = [(request.method, request.path.partition("/models")[2]) for request in oxen_server.catalogue_requests]
    assert asked == [
        ("GET", "/ox%2Fmy-mixtral"),
        ("POST", "/ox%2Fmy-mixtral/activate"),
        ("POST", "/ox%2Fmy-mixtral/deactivate"),
    ]
    with pytest.raises(OxenNotFoundError):
        ask(catalogue, "activate", "no-such-model")


def test_the_price_of_time() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    mine, base = model_from(MINE), model_from(MIXTRAL)
    assert mine.cost(usage, seconds=10) == pytest.approx(0.012)
    assert mine.cost(usage) is None
    assert base.cost(usage, seconds=10) == base.cost(usage) == pytest.approx(10 * 2e-6 + 5 * 6e-6)


@each_row(
    ("given", "read"),
    [
        ([{"status": "active"}, "error", {"state": 1}, None], ("active", "error", "unknown", "unknown")),
        (None, ()),
        ("active", ()),
        ({"status": "active"}, ()),
    ],
)
def test_deployments_are_parsed_leniently(given: Any, read: tuple[str, ...]) -> None:
    found = model_from(
        {**MINE, "deployments": given, "source_model": {"id": "base"}, "pricing": {"cost_per_second": "x"}}
    )
    assert (found.deployments, found.source_model, found.cost_per_second) == (read, "base", None)
