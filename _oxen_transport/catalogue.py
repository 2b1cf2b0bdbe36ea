"""What is served: the list of models, their windows, their prices, their parameters.

https://docs.oxen.ai/inference-api/reference/models/overview. Read kindly: a field may be null, of
another type or missing. What was read is kept for an hour, per server, and is consulted without
I/O wherever a window, a price or a model's name is needed.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from _oxen_transport.errors import OxenConfigError, OxenResponseError
from _oxen_transport.types import Completion, Usage

if TYPE_CHECKING:
    from _oxen_transport.parameters import Parameter

EXPIRY_SECONDS = 3600.0


@dataclass(frozen=True)
class ModelInfo:
    """One model of the catalogue. Prices are in US dollars per token; None: not known."""

    id: str
    display_name: str | None = None
    description: str | None = None
    developer: str | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    input_cost_per_token: float | None = None
    output_cost_per_token: float | None = None
    endpoint: str | None = None
    input_types: tuple[str, ...] = ()
    output_types: tuple[str, ...] = ()
    request_schema: dict[str, Any] | None = field(default=None, repr=False)
    deprecated: bool = False
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_chat(self) -> bool:
        """Whether it answers chat completions; a model that does not say is taken to."""
        return self.endpoint is None or self.endpoint.rstrip("/").endswith("/chat/completions")

    def parameters(self) -> list[Parameter]:
        """Everything that a request to it can set: by its own schema, else by the bounds of the settings."""
        from _oxen_transport.parameters import parameters  # noqa: PLC0415 - imported by those who use it

        return parameters(self.id, self.request_schema)

    def cost(self, usage: Usage) -> float | None:
        """US dollars for one answer, by the list price: an estimate, since discounts are not listed."""
        if self.input_cost_per_token is None or self.output_cost_per_token is None:
            return None
        return usage.prompt_tokens * self.input_cost_per_token + usage.completion_tokens * self.output_cost_per_token


def model_from(parsed: Any) -> ModelInfo:
    """One model object. Raises: OxenResponseError, if it has no id."""
    row = parsed if isinstance(parsed, dict) else {}
    name = _text(row.get("id")) or _text(row.get("name"))
    if not name:
        raise OxenResponseError("the catalogue's answer is no model")
    prices = _dict(row.get("pricing"))
    able = _dict(row.get("capabilities"))
    developer = row.get("developer")
    schema = row.get("request_schema") or row.get("json_request_schema")
    return ModelInfo(
        id=name,
        display_name=_text(row.get("display_name")),
        description=_text(row.get("description")) or _text(row.get("summary")),
        developer=_text(_dict(developer).get("name")) or _text(developer),
        context_length=_positive(row.get("context_length")),
        max_output_tokens=_positive(row.get("max_output_tokens")),
        input_cost_per_token=_number(prices.get("input_cost_per_token")),
        output_cost_per_token=_number(prices.get("output_cost_per_token")),
        endpoint=_text(row.get("endpoint")),
        input_types=_texts(able.get("input")),
        output_types=_texts(able.get("output")),
        request_schema=schema if isinstance(schema, dict) and schema.get("properties") else None,
        deprecated=row.get("deprecated") is True,
        raw=row,
    )


def models_from(parsed: Any) -> list[ModelInfo]:
    """The list: `data`, or `models` as an older endpoint has it. Rows without an id are left out."""
    rows = parsed.get("data", parsed.get("models")) if isinstance(parsed, dict) else parsed
    if not isinstance(rows, list):
        raise OxenResponseError("the catalogue's answer is no list of models")
    return [model_from(row) for row in rows if isinstance(row, dict) and (row.get("id") or row.get("name"))]


class _Known:
    """What the catalogues said, per server."""

    def __init__(self) -> None:
        self._models: dict[str, dict[str, tuple[float, ModelInfo]]] = {}
        self._lists: dict[str, tuple[float, list[str]]] = {}

    def put(self, base_url: str, models: list[ModelInfo], *, whole: bool) -> None:
        """Keep models; `whole`: they are all there are."""
        until = time.monotonic() + EXPIRY_SECONDS
        self._models.setdefault(base_url, {}).update({model.id: (until, model) for model in models})
        if whole:
            self._lists[base_url] = (until, [model.id for model in models])

    def get(self, base_url: str, model: str) -> ModelInfo | None:
        """One model, if it is known and the knowledge is fresh."""
        if base_url not in self._models:
            return None
        until, found = self._models[base_url].get(model, (0.0, None))
        return found if time.monotonic() < until else None

    def all(self, base_url: str) -> list[ModelInfo] | None:
        """The whole list, if it is known and fresh."""
        until, ids = self._lists.get(base_url, (0.0, []))
        if time.monotonic() >= until:
            return None
        return [self._models[base_url][name][1] for name in ids]

    def forget(self) -> None:
        """Start anew; for tests."""
        self._models.clear()
        self._lists.clear()


known = _Known()


def priced(completion: Completion, base_url: str, model: str) -> Completion:
    """The answer with its cost: the server's own figure, else by the list price, if the catalogue was read. No I/O."""
    usage, listed = completion.usage, known.get(base_url, model)
    if usage is None or usage.cost is not None or listed is None:
        return completion
    return replace(completion, usage=replace(usage, cost=listed.cost(usage)))


def nearest(models: list[ModelInfo], wanted: str) -> list[str]:
    """The ids most like the one that does not exist, at most three."""
    ids = [model.id for model in models if model.is_chat]
    close = difflib.get_close_matches(wanted, ids, n=3, cutoff=0.4)
    return close or [name for name in ids if name.split("-")[0] == wanted.split("-", maxsplit=1)[0]][:3]


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}


def check_body(model: ModelInfo | None, body: Mapping[str, Any]) -> None:
    """Hold a request's body against the model's own schema, where the catalogue has one.

    Raises:
        OxenConfigError: With the name of the field and what it may be.
    """
    schema = model.request_schema if model else None
    for name, rule in _dict((schema or {}).get("properties")).items():
        if name in body and isinstance(rule, dict):
            said = _objection(body[name], rule)
            if said:
                raise OxenConfigError(f"{name}: {body.get('model')} takes {said} (got {str(body[name])[:60]})")


def _objection(value: Any, rule: dict[str, Any]) -> str | None:
    wanted = rule.get("type")
    listed = wanted if isinstance(wanted, list) else [wanted]
    kinds = [kind for kind in listed if isinstance(kind, str)]
    allowed = tuple(kind for name in kinds for kind in _TYPES.get(name, (object,)))
    if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
        return f"only values of type {' or '.join(kinds)}"
    if isinstance(rule.get("enum"), list) and value not in rule["enum"]:
        return f"one of {rule['enum']}"
    low, high = _number(rule.get("minimum")), _number(rule.get("maximum"))
    if isinstance(value, (int, float)) and low is not None and value < low:
        return f"at least {low:g}"
    if isinstance(value, (int, float)) and high is not None and value > high:
        return f"at most {high:g}"
    return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _positive(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 < number < 1e15 else None
