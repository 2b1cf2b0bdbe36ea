"""The catalogue, sync and async: what is asked for, what is kept, and what a call makes of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import langchain_oxen
import llama_index_oxen
from _oxen_transport import client_for
from _oxen_transport.catalogue import known
from _oxen_transport.errors import OxenContextOverflowError, OxenNotFoundError
from _oxen_transport.model import OxenCatalogue, OxenModelMixin
from _oxen_transport.testing import MIXTRAL, OxenServer, Server, good, reply
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen
from tests.entry_points import KEY, EntryPoint
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
OTHERS: list[Any] = [{"name": "gpt-5"}, {"id": "flux", "endpoint": "/images/generate"}, "junk", {}]


@pytest.fixture
def oxen_server() -> Iterator[OxenServer]:
    known.forget()
    with Server() as running:
        made = OxenServer(running)
        made.models = [MIXTRAL, MINE]
        yield made
    known.forget()


each_way = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


def ask(is_async: bool, catalogue: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    made = getattr(catalogue, ("a" if is_async else "") + name)(*args, **kwargs)
    return asyncio.run(made) if inspect.iscoroutine(made) else made


def asked(server: OxenServer) -> list[str]:
    return [request.method + request.target.partition("/models")[2] for request in server.catalogue_requests]


@each_way
@pytest.mark.parametrize("kind", [OxenCatalogue, ChatOxen, Oxen])
def test_lists_and_searches(oxen_server: OxenServer, kind: type[Any], is_async: bool) -> None:
    catalogue = kind(base_url=oxen_server.url, api_key=KEY)
    assert isinstance(catalogue, OxenModelMixin)
    assert [one.id for one in ask(is_async, catalogue, "search_models", "my mix")] == ["ox/my-mixtral"]
    by_developer = ask(is_async, catalogue, "list_models", developer="Mistral AI")
    assert [one.id for one in by_developer] == ["open-mixtral-8x22b"]
    whole = ask(is_async, catalogue, "list_models")
    assert len(whole) == 2, "a part was kept for the whole"
    assert ask(is_async, catalogue, "list_models") == whole
    ask(is_async, catalogue, "list_models", refresh=True)
    assert langchain_oxen.OxenCatalogue is llama_index_oxen.OxenCatalogue is OxenCatalogue
    assert asked(oxen_server) == ["GET/search?search=my+mix", "GET?developer_name=Mistral+AI", "GET", "GET"]


@each_way
def test_one_model_needs_no_key_and_is_kept(oxen_server: OxenServer, is_async: bool) -> None:
    catalogue = OxenCatalogue(base_url=oxen_server.url)
    found = ask(is_async, catalogue, "get_model")
    assert (found.id, found.context_length, found.developer) == ("open-mixtral-8x22b", 64_000, "Mistral AI")
    assert found.input_types == ("text",)
    assert ask(is_async, catalogue, "get_model", None) is found
    assert "authorization" not in dict(oxen_server.catalogue_requests[0].headers)
    with pytest.raises(OxenNotFoundError, match="Model not found"):
        ask(is_async, catalogue, "get_model", "open-mistral-8b")


@each_way
def test_a_deployment_is_started_and_stopped(oxen_server: OxenServer, is_async: bool) -> None:
    catalogue = OxenCatalogue(base_url=oxen_server.url, api_key=KEY)
    mine = ask(is_async, catalogue, "get_model", "ox/my-mixtral")
    assert (mine.model_type, mine.source_model, mine.is_deployed) == ("custom", "open-mixtral-8x22b", False)
    assert mine.deployments == ("inactive",)
    assert ask(is_async, catalogue, "activate", "ox/my-mixtral").deployments == ("deploying",)
    assert ask(is_async, catalogue, "deactivate", "ox/my-mixtral").deployments == ("deactivating",)
    one = "/ox%2Fmy-mixtral"
    assert asked(oxen_server) == [f"GET{one}", f"POST{one}/activate", f"POST{one}/deactivate"]
    with pytest.raises(OxenNotFoundError):
        ask(is_async, catalogue, "activate", "no-such-model")


@each_row("listed", [True, False])
def test_an_unknown_model_names_the_nearest_of_a_list_that_was_read(
    api: EntryPoint, server: Server, listed: bool
) -> None:
    known.forget()
    refused = reply({"error": "Model not found: x"}, 400)
    stage = server.stage(*([reply({"data": [MIXTRAL, *OTHERS]})] if listed else []), refused)
    model = api.make(stage.url, model="open-mixtral-8x2b")
    if listed:
        model.list_models()
    with pytest.raises(OxenNotFoundError, match="Model not found: x") as caught:
        api.ask(model)
    assert ("nearest that are served: open-mixtral-8x22b" in str(caught.value)) is listed
    assert caught.value.status_code == 400
    assert [request.path.rsplit("/", 1)[-1] for request in stage.requests] == ["models"] * listed + ["completions"]


def test_check_context_refuses_before_a_byte_is_sent(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url, check_context=True, context_window=100, max_tokens=95)
    with pytest.raises(OxenContextOverflowError, match=r"95 reserved.*100 tokens") as caught:
        api.ask(model, "word " * 20)
    assert caught.value.context_window == 100
    assert caught.value.prompt_tokens
    assert stage.requests == []
    assert api.ask(api.make(stage.url, check_context=True, context_window=100, max_tokens=50)).text


def test_the_price_of_an_answer_is_asked_for(api: EntryPoint, oxen_server: OxenServer) -> None:
    oxen_server.says("one two three")
    model = api.make(oxen_server.url)
    info = client_for(model).model("open-mixtral-8x22b")
    raw = api.ask(model).raw
    usage, cost = {
        "client": lambda: (raw.usage, raw.usage.cost),
        "ChatOxen": lambda: (raw.usage_metadata, raw.response_metadata.get("cost")),
        "Oxen": lambda: (raw.raw["usage"], raw.additional_kwargs.get("cost")),
    }[api.kind]()
    assert info.cost(usage) == pytest.approx(5 * 2e-6 + 3 * 6e-6)
    assert cost is None, "the same call gives the same answer, whether or not the catalogue was read"
