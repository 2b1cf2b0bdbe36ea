"""The catalogue of models: context windows, prices, parameters; parsed leniently.

https://docs.oxen.ai/inference-api/reference/models/overview. A list is kept for an hour, per server and key:
an account may have models of its own. It gives `window_of` its context windows, and nothing else acts on it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from _oxen_transport.errors import OxenConfigError, OxenMissingExtraError, OxenResponseError
from _oxen_transport.families import family
from _oxen_transport.request.parameters import Parameter, parameters
from _oxen_transport.types import Usage

if TYPE_CHECKING:
    from _oxen_transport.request.build import Request
    from _oxen_transport.settings import OxenSettings

_Account = tuple[str, SecretStr | None]
EXPIRY_SECONDS = 3600.0
MOST_ACCOUNTS = 64  # a service may have a key for each of its users


@dataclass(frozen=True)
class ModelInfo:
    """One model of the catalogue. Prices are in US dollars, per token or per second. None means unknown.

    A model of your own (`model_type` "custom") has `deployments`, each one's status: "active", "inactive",
    "deploying", "deactivating", "error" or "unknown". A base model has none, and is always there.
    """

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
    cost_per_second: float | None = None
    model_type: str | None = None
    source_model: str | None = None
    deployments: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_chat(self) -> bool:
        """Whether it serves chat completions; True also for a model without an `endpoint`."""
        return self.endpoint is None or self.endpoint.rstrip("/").endswith("/chat/completions")

    @property
    def is_deployed(self) -> bool:
        """Whether a deployment is active; True for a model that needs none."""
        return not self.deployments or "active" in self.deployments

    def parameters(self) -> list[Parameter]:
        """Everything that a request to it can set: by its own schema, else by the bounds of the settings."""
        return parameters(self.id, self.request_schema)

    def cost(self, usage: Usage | Mapping[str, Any] | None, *, seconds: float | None = None) -> float | None:
        """The price of one answer in US dollars, by the list price: an estimate, as discounts are not listed.

        Args:
            usage: The tokens of the answer: LangChain's `message.usage_metadata`, LlamaIndex's
                `response.raw["usage"]`, or any mapping with OpenAI's or Anthropic's keys.
            seconds: How long the answer took, for a model that is paid by time.

        Returns:
            None if the price, or what it is for, is unknown.
        """
        if self.cost_per_second is not None and self.input_cost_per_token is None:
            return None if seconds is None else seconds * self.cost_per_second
        if usage is None or self.input_cost_per_token is None or self.output_cost_per_token is None:
            return None
        if isinstance(usage, Mapping):
            prompt = _number(usage.get("prompt_tokens", usage.get("input_tokens")))
            answer = _number(usage.get("completion_tokens", usage.get("output_tokens")))
        else:
            prompt, answer = float(usage.prompt_tokens), float(usage.completion_tokens)
        if prompt is None or answer is None:
            return None
        return prompt * self.input_cost_per_token + answer * self.output_cost_per_token

    def validate(self, body: Mapping[str, Any]) -> None:
        """Check the body of a request against the JSON schema that the catalogue has for this model.

        Args:
            body: The request as it would be sent, `{"model": ..., "messages": [...], ...}`.

        Raises:
            OxenConfigError: The body does not fit; the text names each field. Also if the catalogue
                has no schema for this model: `request_schema` is None.
            OxenMissingExtraError: The extra `validation` (jsonschema) is not installed.
            OxenResponseError: The catalogue's schema is not a valid JSON schema.
        """
        if self.request_schema is None:
            raise OxenConfigError(f"the catalogue has no request schema for {self.id}; check `request_schema` first")
        objections = _objections(self.request_schema, body, self.id)
        if objections:
            raise OxenConfigError(f"this request does not fit the schema of {self.id}: {'; '.join(objections)}")


def _objections(schema: dict[str, Any], body: Mapping[str, Any], model: str) -> list[str]:
    """What a JSON schema rejects in a body, at most five errors of 200 characters."""
    try:
        from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - an optional package
        from jsonschema.validators import Draft202012Validator, validator_for  # noqa: PLC0415
        from referencing import Registry  # noqa: PLC0415
        from referencing.exceptions import Unresolvable  # noqa: PLC0415
    except ImportError:
        raise OxenMissingExtraError(
            "ModelInfo.validate needs jsonschema: pip install 'oxen-integrations[validation]'"
        ) from None
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
        # an empty registry: by default a `$ref` to another host would be fetched
        found = list(kind(schema, registry=Registry()).iter_errors(dict(body)))
    except (SchemaError, Unresolvable) as error:
        reason = str(error).partition("\n")[0][:200]
    else:
        return [f"{error.json_path.removeprefix('$.')}: {error.message[:200]}" for error in found[:5]]
    raise OxenResponseError(f"the catalogue's request schema for {model} is not usable: {reason}")


def model_from(parsed: Any) -> ModelInfo:
    """Parse one model object. Raises: OxenResponseError, if it has no id."""
    row = parsed if isinstance(parsed, dict) else {}
    name = _id(row)
    if name is None:
        raise OxenResponseError("unexpected response from the catalogue: not a model object")
    prices = _dict(row.get("pricing"))
    capabilities = _dict(row.get("capabilities"))
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
        input_types=_texts(capabilities.get("input")),
        output_types=_texts(capabilities.get("output")),
        request_schema=schema if isinstance(schema, dict) and schema.get("properties") else None,
        deprecated=row.get("deprecated") is True,
        cost_per_second=_number(prices.get("cost_per_second")),
        model_type=_text(row.get("model_type")),
        source_model=_text(_dict(row.get("source_model")).get("id")) or _text(row.get("source_model")),
        deployments=_statuses(row.get("deployments")),
        raw=row,
    )


def models_from(parsed: Any) -> list[ModelInfo]:
    """Parse the list: `data`, or `models` as in an older endpoint. Rows without an id are skipped."""
    rows = parsed.get("data", parsed.get("models")) if isinstance(parsed, dict) else parsed
    if not isinstance(rows, list):
        raise OxenResponseError("unexpected response from the catalogue: not a list of models")
    return [model_from(row) for row in rows if isinstance(row, dict) and _id(row)]


class _Known:
    """The catalogues read so far, per `base_url` and key."""

    def __init__(self) -> None:
        self._models: dict[_Account, dict[str, tuple[float, ModelInfo]]] = {}
        self._lists: dict[_Account, tuple[float, list[ModelInfo]]] = {}

    def put(self, source: OxenSettings, models: list[ModelInfo], *, whole: bool) -> None:
        """Keep models; `whole` if they are the complete list."""
        until, account = time.monotonic() + EXPIRY_SECONDS, _account(source)
        earlier = self._models.pop(account, {})  # the newest stands last
        self._models[account] = {**earlier, **{model.id: (until, model) for model in models}}
        if whole:
            self._lists[account] = (until, list(models))
        for oldest in list(self._models)[:-MOST_ACCOUNTS]:
            self._models.pop(oldest, None)
            self._lists.pop(oldest, None)

    def get(self, source: OxenSettings | Request, model: str) -> ModelInfo | None:
        """One model, unless unknown or expired."""
        if not self._models:
            return None
        found = self._models.get(_account(source), {}).get(model)
        return found[1] if found and time.monotonic() < found[0] else None

    def all(self, source: OxenSettings | Request) -> list[ModelInfo] | None:
        """The complete list, unless unknown or expired."""
        until, models = self._lists.get(_account(source), (0.0, []))
        return list(models) if time.monotonic() < until else None

    def forget(self) -> None:
        """Forget all catalogues; for tests."""
        self._models.clear()
        self._lists.clear()


def _account(source: OxenSettings | Request) -> _Account:
    return source.base_url, source.api_key


known = _Known()


def nearest(models: list[ModelInfo], wanted: str) -> list[str]:
    """Ids of chat models similar to one that does not exist, at most three."""
    import difflib  # noqa: PLC0415 - for an error

    ids = [model.id for model in models if model.is_chat]
    close = difflib.get_close_matches(wanted, ids, n=3, cutoff=0.4)
    return close or [name for name in ids if name.split("-")[0] == wanted.split("-", maxsplit=1)[0]][:3]


def _id(row: dict[str, Any]) -> str | None:
    return _text(row.get("id")) or _text(row.get("name"))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _statuses(value: Any) -> tuple[str, ...]:
    """The status of each deployment, written as an object or as a text."""
    rows = value if isinstance(value, list) else ()
    found = (_text(row.get("status")) if isinstance(row, dict) else _text(row) for row in rows)
    return tuple(status or "unknown" for status in found)


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _positive(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 < number < 1e15 else None


def window_of(settings: OxenSettings, model: str | None = None) -> int | None:
    """Tokens of prompt and answer together: the user's `context_window`, the catalogue's, else the packaged one."""
    name = model or settings.model
    listed = known.get(settings, name)
    return settings.context_window or (listed.context_length if listed else None) or family(name).context_window
