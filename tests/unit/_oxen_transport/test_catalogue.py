"""The catalogue: parsed leniently, kept for an hour; prices and schemas are used where they are asked for."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

from _oxen_transport import catalogue, client_for
from _oxen_transport.catalogue import ModelInfo, known, model_from, models_from, nearest, window_of
from _oxen_transport.errors import (
    OxenConfigError,
    OxenContextOverflowError,
    OxenMissingExtraError,
    OxenNotFoundError,
    OxenResponseError,
)
from _oxen_transport.model import OxenCatalogue, OxenModelMixin
from _oxen_transport.request.build import build
from _oxen_transport.testing import Received, Server, good, reply, whole
from _oxen_transport.types import Message, Usage
from tests.tables import each_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _oxen_transport.testing import Step
    from tests.entry_points import EntryPoint

QUESTION: list[Message] = [{"role": "user", "content": "Hello, what can you do?"}]
MIXTRAL = {
    "id": "open-mixtral-8x22b",
    "object": "model",
    "display_name": "Mixtral 8x22B",
    "endpoint": "/chat/completions",
    "developer": {"name": "Mistral AI", "logo": None},
    "capabilities": {"input": ["text"], "output": ["text"]},
    "pricing": {"method": "token", "input_cost_per_token": 0.000002, "output_cost_per_token": "0.000006"},
    "context_length": 65_536,
    "request_schema": {"properties": {"top_p": {"type": "number", "maximum": 0.5}, "stop": {"type": "array"}}},
}
OTHERS = [{"id": "open-mistral-7b"}, {"name": "gpt-5"}, {"id": "flux", "endpoint": "/images/generate"}, "junk", {}]


def served(request: Received) -> Iterable[Step]:
    path = request.path.rsplit("/api/ai", 1)[-1]
    if path == "/models":
        return [whole({"object": "list", "data": [MIXTRAL, *OTHERS]})]
    if path == "/models/open-mixtral-8x22b":
        return [whole(MIXTRAL)]
    if path.startswith("/models/"):
        return [whole({"error": {"message": "Model not found: x"}}, 404)]
    if request.json["model"] != "open-mixtral-8x22b":
        return [whole({"error": {"message": f"Model not found: {request.json['model']}"}}, 400)]
    return good(request)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    known.forget()
    yield
    known.forget()


@pytest.fixture
def settings(server: Server) -> OxenCatalogue:
    return OxenCatalogue(base_url=server.stage(served).url + "/api/ai")


@each_row("is_async", [False, True], ids=["sync", "async"])
def test_the_list_needs_no_key_and_is_kept(server: Server, *, is_async: bool) -> None:
    stage = server.stage(served)
    listing = OxenCatalogue(base_url=stage.url + "/api/ai")

    def ask(**how: bool) -> list[ModelInfo]:
        return asyncio.run(listing.alist_models(**how)) if is_async else listing.list_models(**how)

    assert [model.id for model in ask()] == ["open-mixtral-8x22b", "open-mistral-7b", "gpt-5", "flux"]
    assert ask() == ask()
    assert len(stage.requests) == 1
    assert "authorization" not in dict(stage.requests[0].headers)
    ask(refresh=True)
    assert len(stage.requests) == 2


@each_row("is_async", [False, True], ids=["sync", "async"])
def test_one_model(server: Server, *, is_async: bool) -> None:
    stage = server.stage(served)
    listing = OxenCatalogue(base_url=stage.url + "/api/ai")

    def ask(name: str | None = None) -> ModelInfo:
        return asyncio.run(listing.aget_model(name)) if is_async else listing.get_model(name)

    found = ask()
    assert (found.id, found.context_length, found.developer) == ("open-mixtral-8x22b", 65_536, "Mistral AI")
    assert found.cost(Usage(1000, 100, 1100)) == pytest.approx(0.0026)
    assert found.input_types == ("text",)
    assert ask() is found
    with pytest.raises(OxenNotFoundError, match="Model not found"):
        ask("open-mistral-8b")


def test_both_packages_have_it(server: Server) -> None:
    import langchain_oxen
    import llama_index_oxen

    for model in (langchain_oxen.ChatOxen, llama_index_oxen.Oxen):
        listing = model(base_url=server.stage(served).url + "/api/ai", api_key="sk-1234567")
        assert isinstance(listing, OxenModelMixin)
        assert listing.get_model().context_length == 65_536
    assert langchain_oxen.OxenCatalogue is llama_index_oxen.OxenCatalogue is OxenCatalogue


def test_it_expires(settings: OxenCatalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "EXPIRY_SECONDS", -1.0)
    settings.list_models()
    assert known.all(settings.base_url) is None
    assert known.get(settings.base_url, "open-mixtral-8x22b") is None


def test_its_window_overrides_the_packaged_one_and_a_setting_overrides_both(settings: OxenCatalogue) -> None:
    assert window_of(settings) == 64_000
    settings.list_models()
    assert window_of(settings) == 65_536
    assert window_of(settings.model_copy(update={"context_window": 1_000})) == 1_000
    assert window_of(settings, "no-such-model") is None


def test_an_unknown_model_names_the_nearest(api: EntryPoint, server: Server) -> None:
    stage = server.stage(served)
    OxenCatalogue(base_url=stage.url + "/api/ai").list_models()
    with pytest.raises(
        OxenNotFoundError, match=r"Model not found.*nearest that are served: open-mixtral-8x22b"
    ) as caught:
        api.ask(api.make(stage.url + "/api/ai", model="open-mixtral-8x2b"))
    assert caught.value.status_code == 400
    assert [request.path.rsplit("/", 1)[-1] for request in stage.requests] == ["models", "completions"]


def test_without_a_catalogue_the_error_is_still_the_error(api: EntryPoint, server: Server) -> None:
    stage = server.stage(reply({"error": "Model not found: x"}, 404))
    with pytest.raises(OxenNotFoundError, match="Model not found: x") as caught:
        api.ask(api.make(stage.url))
    assert "nearest" not in str(caught.value)


BODY = {"model": "open-mixtral-8x22b", "messages": QUESTION}


def test_a_request_is_validated_where_the_user_asks_for_it(settings: OxenCatalogue) -> None:
    model = settings.get_model()
    model.validate({**BODY, "top_p": 0.5, "stop": ["x"]})
    with pytest.raises(OxenConfigError, match=r"schema of open-mixtral-8x22b: top_p: 0\.9 is greater than"):
        model.validate({**BODY, "top_p": 0.9})
    build(settings, QUESTION, call={"top_p": 0.9})  # a call means the same whether or not the catalogue was read


@each_row(
    ("schema", "expected"),
    [
        (None, OxenConfigError),
        ({"properties": {"a": {"type": "mystery"}}}, OxenResponseError),
        ({"properties": {"messages": {"$ref": "http://127.0.0.1:9/schema.json"}}}, OxenResponseError),
    ],
    ids=["none", "malformed", "reference to another host"],
)
def test_a_schema_that_cannot_be_used_is_an_error(schema: Any, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="schema"):
        ModelInfo("m", request_schema=schema).validate(BODY)


def test_validation_names_the_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema.exceptions", None)
    with pytest.raises(OxenMissingExtraError, match=r"oxen-integrations\[validation\]"):
        ModelInfo("m", request_schema={"properties": {"a": {}}}).validate(BODY)


def test_schema_under_its_old_name_and_absent() -> None:
    schema = {"properties": {"a": {}}}
    assert model_from({"id": "m", "json_request_schema": schema}).request_schema == schema
    assert model_from({"id": "m", "request_schema": {}, "json_request_schema": None}).request_schema is None


@each_row("row", [None, [], {}, {"id": ""}, {"id": 7}])
def test_no_model(row: Any) -> None:
    with pytest.raises(OxenResponseError, match="not a model"):
        model_from(row)


@each_row("body", [None, {}, {"data": "x"}, 7])
def test_no_list(body: Any) -> None:
    with pytest.raises(OxenResponseError, match="not a list of models"):
        models_from(body)


def test_odd_fields_cost_nothing() -> None:
    odd = model_from(
        {"name": "m", "pricing": "free", "context_length": "many", "developer": "Acme", "capabilities": []}
    )
    assert (odd.id, odd.developer, odd.context_length, odd.input_cost_per_token) == ("m", "Acme", None, None)
    assert odd.cost(Usage(1, 1, 2)) is None
    assert odd.is_chat
    assert (
        model_from({"id": "m", "context_length": -5, "pricing": {"input_cost_per_token": [1]}}).context_length is None
    )
    assert models_from({"models": [{"name": "old"}]})[0].id == "old"


def test_nearest_falls_back_to_the_family() -> None:
    models = [ModelInfo("claude-x"), ModelInfo("mistral-large-2411"), ModelInfo("flux", endpoint="/images/generate")]
    assert nearest(models, "mistral-q") == ["mistral-large-2411"]
    assert nearest(models, "zzz") == []


def test_max_tokens_fit_fills_the_window(settings: OxenCatalogue) -> None:
    request = build(settings, QUESTION, call={"max_tokens": "fit"})
    assert request.body["max_tokens"] == 64_000 - 10
    with pytest.raises(OxenConfigError, match="context window of gpt-5 is not known"):
        build(settings, QUESTION, call={"max_tokens": "fit", "model": "gpt-5"})


def test_check_context_refuses_before_a_byte_is_sent(api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    model = api.make(stage.url, check_context=True, context_window=100, max_tokens=95)
    with pytest.raises(OxenContextOverflowError, match=r"95 reserved.*100 tokens") as caught:
        api.ask(model, "word " * 20)
    assert caught.value.context_window == 100
    assert caught.value.prompt_tokens
    assert stage.requests == []
    assert api.ask(api.make(stage.url, check_context=True, context_window=100, max_tokens=50)).text


def test_the_price_of_an_answer_is_asked_for(api: EntryPoint, server: Server) -> None:
    model = api.make(server.stage(served).url + "/api/ai")
    info = client_for(model).model("open-mixtral-8x22b")
    raw = api.ask(model).raw
    usage, cost = {
        "client": lambda: (raw.usage, raw.usage.cost),
        "ChatOxen": lambda: (raw.usage_metadata, raw.response_metadata.get("cost")),
        "Oxen": lambda: (raw.raw["usage"], raw.additional_kwargs.get("cost")),
    }[api.kind]()
    assert info.cost(usage) == pytest.approx(11 * 2e-6 + 8 * 6e-6)
    assert cost is None, "the same call gives the same answer, whether or not the catalogue was read"


@each_row("usage", [None, {}, {"prompt_tokens": 1}, {"prompt_tokens": "x", "completion_tokens": 1}])
def test_no_price_without_the_tokens(usage: Any) -> None:
    assert ModelInfo("m", input_cost_per_token=1.0, output_cost_per_token=1.0).cost(usage) is None
