"""What can be set in a request to one model, as plain data: names, kinds, bounds, defaults.

From the model's `request_schema`, read leniently (kind "json": not understood), else from the settings' bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from _oxen_transport.families import Family, family
from _oxen_transport.settings import OxenParams

Kind = Literal["number", "integer", "boolean", "choice", "text", "texts", "json"]

_KINDS: dict[str, Kind] = {"number": "number", "integer": "integer", "boolean": "boolean", "string": "text"}
_NOT_TUNED = frozenset({"model", "messages", "stream", "stream_options", "tools", "tool_choice"})
_TUNED = (
    *("temperature", "max_tokens", "top_p", "frequency_penalty", "presence_penalty"),
    *("stop", "seed", "logprobs", "top_logprobs", "parallel_tool_calls", "response_format"),
)
# the constants of Oxen's own documentation pages; they are not the server's defaults
_EXAMPLES: dict[str, Any] = {"temperature": 0.7, "max_tokens": 1024, "top_p": 1.0}
# providers other than OpenAI's kind refuse these with 400, says the generator of those pages
_PENALTIES = ("frequency_penalty", "presence_penalty")
BASIC = ("temperature", "max_tokens")  # what the documentation's "Basic parameters" sets


@dataclass(frozen=True)
class Parameter:
    """One parameter of the request body.

    `minimum` and `maximum` are inclusive; `default` is the server's, None if it is not known; `example` is a value
    the model takes, None if any would be a guess.
    """

    name: str
    kind: Kind
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[Any, ...] = ()
    default: Any = None
    example: Any = None
    basic: bool = False


def parameters(model_id: str, request_schema: dict[str, Any] | None) -> list[Parameter]:
    """Everything that can be set for a model, in the order to show it; `request_schema` is the catalogue's, if any."""
    own = list(parameters_from(request_schema))
    return own or list(_of_settings(family(model_id)))


def parameters_from(schema: Any) -> Iterator[Parameter]:
    """The parameters of a JSON schema of any shape; none, if it has no properties."""
    root = schema if isinstance(schema, dict) else {}
    rules = root.get("properties")
    basic = root.get("basic") if isinstance(root.get("basic"), list) else BASIC
    if not isinstance(rules, dict):
        return
    for name, rule in sorted(rules.items(), key=lambda item: _order(item[1])):
        if isinstance(name, str) and name and name not in _NOT_TUNED:
            yield _parameter(name, rule if isinstance(rule, dict) else {}, basic=name in (basic or ()))


def _of_settings(model: Family) -> Iterator[Parameter]:
    for name, parameter in _settings_parameters().items():
        example = parameter.example
        if name in _PENALTIES and model.name == "generic":
            example = 0.0
        if name == "temperature":
            yield replace(parameter, maximum=model.max_temperature, example=min(example, model.max_temperature))
        elif name == "top_p" and model.name == "anthropic":  # refuses it beside a temperature
            yield replace(parameter, example=None)
        else:
            yield replace(parameter, name=model.seed_name if name == "seed" else name, example=example)


@cache
def _settings_parameters() -> dict[str, Parameter]:
    properties = OxenParams.model_json_schema()["properties"]
    # of the settings, only what has a documented constant gets an example: the rest would be invented
    return {
        name: replace(
            _parameter(name, properties[name], basic=name in BASIC),
            description="",
            default=None,
            example=_EXAMPLES.get(name),
        )
        for name in _TUNED
    }


def _parameter(name: str, rule: dict[str, Any], *, basic: bool) -> Parameter:
    rule = _resolved(rule)
    kind, choices = _kind(rule)
    step = 1.0 if kind == "integer" else _number(rule.get("multipleOf")) or 0.01
    minimum, maximum = _bounds(rule, step)
    default = rule.get("default")
    found = Parameter(
        name,
        kind,
        description=next((text for text in (rule.get("description"), rule.get("title")) if isinstance(text, str)), ""),
        minimum=minimum,
        maximum=maximum,
        step=step if kind in ("number", "integer") else None,
        choices=choices,
        default=default,
        basic=basic,
    )
    return replace(found, example=_example(found, rule))


def _resolved(rule: dict[str, Any]) -> dict[str, Any]:
    """`anyOf`, `oneOf` and `allOf` replaced by their first branch that is not null, as pydantic writes an optional."""
    for word in ("anyOf", "oneOf", "allOf"):
        branches = rule.get(word)
        if isinstance(branches, list):
            real = [branch for branch in branches if isinstance(branch, dict) and branch.get("type") != "null"]
            rest = {key: value for key, value in rule.items() if key != word}
            return {**_resolved(real[0]), **rest} if real else rest
    return rule


def _kind(rule: dict[str, Any]) -> tuple[Kind, tuple[Any, ...]]:
    choices = rule.get("enum") if isinstance(rule.get("enum"), list) else [rule["const"]] if "const" in rule else []
    if choices:
        return "choice", tuple(choices)
    word = rule.get("type")
    words = [each for each in (word if isinstance(word, list) else [word]) if isinstance(each, str) and each != "null"]
    first = words[0] if words else ""
    items = rule.get("items")
    if first == "array" and isinstance(items, dict) and items.get("type") == "string":
        return "texts", ()
    return _KINDS.get(first, "json"), ()


def _bounds(rule: dict[str, Any], step: float) -> tuple[float | None, float | None]:
    low, high = _number(rule.get("minimum")), _number(rule.get("maximum"))
    above, below = _number(rule.get("exclusiveMinimum")), _number(rule.get("exclusiveMaximum"))
    low = above + step if low is None and above is not None else low
    high = below - step if high is None and below is not None else high
    return (None, None) if low is not None and high is not None and low > high else (low, high)


def _example(found: Parameter, rule: dict[str, Any]) -> Any:
    examples = rule.get("examples")
    given = [
        found.default,
        *(examples if isinstance(examples, list) else []),
        *found.choices,
        _EXAMPLES.get(found.name),
    ]
    value = next((value for value in given if value is not None), None)
    if value is None and found.kind == "boolean":
        return False
    if found.kind not in ("number", "integer"):
        return value
    value = _number(value)
    known = [bound for bound in (value, found.minimum, found.maximum) if bound is not None]
    if not known:
        return None
    value = min(
        max(known[0], found.minimum if found.minimum is not None else -math.inf),
        found.maximum if found.maximum is not None else math.inf,
    )
    return int(value) if found.kind == "integer" else value


def _order(rule: Any) -> float:
    order = _number(rule.get("x-order")) if isinstance(rule, dict) else None
    return math.inf if order is None else order


def _number(value: Any) -> float | None:
    try:
        number = None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None
