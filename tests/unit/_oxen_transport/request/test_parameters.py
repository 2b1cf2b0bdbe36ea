"""A model's parameters: from a schema of any shape, else from the settings' bounds."""

from __future__ import annotations

import json
from typing import Any

from _oxen_transport.request.parameters import Parameter, parameters, parameters_from
from tests.tables import each_row


def by_name(model: str = "m", schema: Any = None) -> dict[str, Parameter]:
    return {each.name: each for each in parameters(model, schema)}


def test_without_a_schema_the_settings_bounds_hold_as_far_as_the_family_allows() -> None:
    mixtral, other, claude = by_name("open-mixtral-8x22b"), by_name("gpt-5"), by_name("claude-sonnet-5")
    assert [mixtral["temperature"].maximum, other["temperature"].maximum, claude["temperature"].maximum] == [1.5, 2, 1]
    assert (mixtral["top_p"].minimum, mixtral["top_p"].maximum) == (0.01, 1), "0 itself is refused"
    assert ("random_seed" in mixtral, "seed" in other) == (True, True)
    assert mixtral["frequency_penalty"].example is None
    assert other["frequency_penalty"].example == 0
    assert claude["top_p"].example is None, "refused beside a temperature"
    assert [each.name for each in other.values() if each.basic] == ["temperature", "max_tokens"]


def test_a_schema_says_kinds_bounds_order_and_what_is_basic() -> None:
    found = list(
        parameters_from(
            {
                "properties": {
                    "model": {"type": "string"},
                    "late": {"type": "boolean", "x-order": 9},
                    "heat": {
                        "anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"type": "null"}],
                        "x-order": 1,
                    },
                    "size": {"enum": ["s", "m"], "default": "m", "x-order": 2, "description": "how large"},
                    "stops": {"type": ["array", "null"], "items": {"type": "string"}, "x-order": 3},
                    "count": {"type": "integer", "minimum": 2, "maximum": 4, "examples": [99]},
                },
                "basic": ["size"],
            }
        )
    )
    assert [(each.name, each.kind) for each in found] == [
        ("heat", "number"),
        ("size", "choice"),
        ("stops", "texts"),
        ("late", "boolean"),
        ("count", "integer"),
    ]
    heat, size, _, late, count = found
    assert (heat.minimum, heat.maximum) == (0.01, 1)
    assert (size.choices, size.example, size.description, size.basic) == (("s", "m"), "m", "how large", True)
    assert (late.example, count.example) == (False, 4)


@each_row(
    "rule",
    [
        *(None, True, [], "x", {}, {"type": "weird"}, {"type": {}}, {"type": []}, {"anyOf": []}, {"anyOf": [None]}),
        *({"enum": []}, {"enum": [1, "a", None, {}]}, {"const": 3}, {"$ref": "#/x"}, {"allOf": [{"anyOf": [{}]}]}),
        {"type": "number", "minimum": "x", "maximum": float("nan"), "multipleOf": 0, "default": "warm"},
        {"type": "integer", "minimum": 9, "maximum": 1, "default": 10**400, "x-order": "first"},
    ],
)
def test_a_rule_of_any_shape_gives_one_parameter(rule: Any) -> None:
    (found,) = parameters_from({"properties": {"odd": rule, "": rule}})
    assert found.name == "odd"
    json.dumps([found.example, found.minimum, found.maximum, found.step], allow_nan=False)


@each_row("schema", [None, [], "x", {}, {"properties": None}, {"properties": []}, {"properties": {}}])
def test_a_schema_without_properties_gives_the_settings_parameters(schema: Any) -> None:
    assert by_name(schema=schema) == by_name()
