"""The catalogue: parsed leniently, kept for an hour; prices and schemas are used where they are asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport import catalogue
from _oxen_transport.catalogue import MOST_ACCOUNTS, ModelInfo, known, model_from, models_from, nearest, window_of
from _oxen_transport.errors import OxenConfigError, OxenMissingExtraError, OxenResponseError
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import MIXTRAL
from _oxen_transport.types import Message, Usage
from tests.tables import each_row

QUESTION: list[Message] = [{"role": "user", "content": "Hello, what can you do?"}]
BODY = {"model": "open-mixtral-8x22b", "messages": QUESTION}
HERE = OxenSettings(base_url="http://127.0.0.1:1")
MINE = {
    "id": "ox/my-mixtral",
    "source_model": {"id": "base"},
    "deployments": [{"status": "inactive"}],
    "pricing": {"method": "time", "cost_per_second": 0.0012},
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    known.forget()
    yield
    known.forget()


def test_its_window_overrides_the_packaged_one_and_a_setting_overrides_both() -> None:
    assert window_of(HERE) == 64_000
    known.put(HERE, [model_from({"id": "open-mixtral-8x22b", "context_length": 65_536})], whole=False)
    assert window_of(HERE) == 65_536
    assert window_of(HERE.model_copy(update={"context_window": 1_000})) == 1_000
    assert window_of(HERE, "no-such-model") is None
    assert known.all(HERE) is None, "a part was kept for the whole"


def test_each_key_has_a_catalogue_of_its_own() -> None:
    """An account may have models that no other one sees."""
    known.put(HERE, [model_from({"id": "own", "context_length": 1_000})], whole=True)
    other = HERE.model_copy(update={"api_key": SecretStr("sk-other-0123456789")})
    assert (window_of(HERE, "own"), window_of(other, "own"), known.all(other)) == (1_000, None, None)
    for number in range(MOST_ACCOUNTS):
        owner = HERE.model_copy(update={"api_key": SecretStr(f"sk-{number}")})
        known.put(owner, [model_from({"id": "own", "context_length": number + 1})], whole=True)
    assert (window_of(HERE, "own"), known.all(HERE), window_of(owner, "own")) == (None, None, MOST_ACCOUNTS)


def test_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "EXPIRY_SECONDS", -1.0)
    known.put(HERE, [model_from(MIXTRAL)], whole=True)
    assert known.all(HERE) is None
    assert known.get(HERE, "open-mixtral-8x22b") is None


def test_max_tokens_fit_fills_the_window() -> None:
    assert build(HERE, QUESTION, call={"max_tokens": "fit"}).body["max_tokens"] == 64_000 - 10
    with pytest.raises(OxenConfigError, match="context window of gpt-5 is not known"):
        build(HERE, QUESTION, call={"max_tokens": "fit", "model": "gpt-5"})


def test_a_request_is_validated_where_the_user_asks_for_it() -> None:
    rules = {"properties": {"top_p": {"type": "number", "maximum": 0.5}, "stop": {"type": "array"}}}
    model = model_from({"id": "open-mixtral-8x22b", "request_schema": rules})
    known.put(HERE, [model], whole=True)
    model.validate({**BODY, "top_p": 0.5, "stop": ["x"]})
    with pytest.raises(OxenConfigError, match=r"schema of open-mixtral-8x22b: top_p: 0\.9 is greater than"):
        model.validate({**BODY, "top_p": 0.9})
    build(HERE, QUESTION, call={"top_p": 0.9})  # a call means the same whether or not the catalogue was read


@each_row(
    ("schema", "expected"),
    [
        (None, OxenConfigError),
        ({"properties": {"a": {"type": "mystery"}}}, OxenResponseError),
        ({"properties": {"messages": {"$ref": "http://127.0.0.1:9/schema.json"}}}, OxenResponseError),
    ],
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
    assert models_from([{"id": 5}, {"id": {}}, {"id": 7, "name": "named"}, {}, 3])[0].id == "named"


def test_nearest_falls_back_to_the_family() -> None:
    models = [ModelInfo("claude-x"), ModelInfo("mistral-large-2411"), ModelInfo("flux", endpoint="/images/generate")]
    assert nearest(models, "mistral-q") == ["mistral-large-2411"]
    assert nearest(models, "zzz") == []


def test_the_price_of_time() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    mine, base = model_from(MINE), model_from(MIXTRAL)
    assert mine.cost(usage, seconds=10) == pytest.approx(0.012)
    assert mine.cost(usage) is None
    assert (
        base.cost(usage, seconds=10)
        == base.cost(usage)
        == base.cost(Usage(10, 5, 15))
        == pytest.approx(10 * 2e-6 + 5 * 6e-6)
    )


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
    found = model_from({**MINE, "deployments": given, "pricing": {"cost_per_second": "x"}})
    assert (found.deployments, found.source_model, found.cost_per_second) == (read, "base", None)


@each_row("usage", [None, {}, {"prompt_tokens": 1}, {"prompt_tokens": "x", "completion_tokens": 1}])
def test_no_price_without_the_tokens(usage: Any) -> None:
    assert ModelInfo("m", input_cost_per_token=1.0, output_cost_per_token=1.0).cost(usage) is None
