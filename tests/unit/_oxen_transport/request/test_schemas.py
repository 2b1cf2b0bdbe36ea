"""Every form of schema that the frameworks take becomes a function with a typed root, `$defs` and `$ref` kept."""

from __future__ import annotations

import dataclasses
import typing
import warnings
from collections.abc import Callable
from typing import Annotated, Any, Generic, NotRequired, TypeVar

import pytest
import typing_extensions
from pydantic import BaseModel, Field
from pydantic.v1 import BaseModel as BaseModelV1

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request.schemas import function_from, validator_for
from tests.tables import each_row

T = TypeVar("T")


class Ox(BaseModel):
    """An ox."""

    name: str = Field(description="its name")
    age: int


class Herd(BaseModel):
    leader: Ox
    oxen: list[Ox]


class Node(BaseModel):
    """A node."""

    children: list[Node] = []


class OxV1(BaseModelV1):
    """An ox."""

    name: str
    age: int


class OxDict(typing.TypedDict):
    """An ox."""

    name: Annotated[str, ..., "its name"]
    age: int
    nickname: NotRequired[str]


class HerdDict(typing_extensions.TypedDict):
    leader: Ox
    oxen: list[OxDict]
    best: OxDict | None


class Loop(typing.TypedDict):
    loops: list[Loop]


@dataclasses.dataclass
class OxData:
    """An ox."""

    name: str
    tags: list[str] = dataclasses.field(default_factory=list)


class Box(BaseModel, Generic[T]):
    content: T


class WithFunction(BaseModel):
    function: Callable[[], int]


FIELDS = {"name": {"type": "string", "description": "its name"}, "age": {"type": "integer"}}
PARAMETERS = {"type": "object", "properties": FIELDS, "required": ["name", "age"]}


def test_classes_become_functions_without_the_titles_of_fields() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert function_from(Ox) == {"name": "Ox", "description": "An ox.", "parameters": PARAMETERS}
        data = function_from(OxData)
    assert (data["name"], data["description"]) == ("OxData", "An ox.")
    assert data["parameters"]["required"] == ["name"]
    assert function_from(OxV1)["parameters"]["required"] == ["name", "age"]
    assert function_from(Box[int])["name"] == "Box[int]"


def test_typed_dicts_with_every_kind_of_field() -> None:
    fields = {**FIELDS, "nickname": {"type": "string"}}
    assert function_from(OxDict)["parameters"] == {**PARAMETERS, "properties": fields}
    herd = function_from(HerdDict)["parameters"]
    assert set(herd["$defs"]) == {"Ox", "OxDict"}
    assert herd["properties"]["oxen"] == {"type": "array", "items": {"$ref": "#/$defs/OxDict"}}


def test_references_are_kept_and_the_root_has_a_type() -> None:
    herd = function_from(Herd)["parameters"]
    assert herd["properties"]["leader"] == {"$ref": "#/$defs/Ox"}
    for schema in (Node, Node.model_json_schema(), {"name": "Node", "schema": Node.model_json_schema()}):
        node = function_from(schema)["parameters"]
        assert node["type"] == "object"
        for level in (node, node["$defs"]["Node"]):
            assert level["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}


SCHEMA = Ox.model_json_schema()
STRICT = {"name": "ox", "strict": True, "schema": SCHEMA}


@each_row(
    ("schema", "about"),
    [
        (SCHEMA, {"name": "Ox", "description": "An ox."}),
        ({"type": "object", "properties": {"a": {}}}, {"name": "answer"}),
        (STRICT, {"name": "ox", "strict": True}),
        ({"type": "json_schema", "json_schema": {**STRICT, "strict": False}}, {"name": "ox", "strict": False}),
        ({"name": "ox", "description": "d", "parameters": SCHEMA}, {"name": "ox", "description": "d"}),
        ({"type": "function", "function": {"name": "ox", "parameters": SCHEMA}}, {"name": "ox"}),
        ({"name": "ox", "input_schema": SCHEMA}, {"name": "ox"}),  # Anthropic's tool
    ],
)
def test_dicts_of_every_form(schema: dict[str, Any], about: dict[str, Any]) -> None:
    function = function_from(schema)
    properties = function.pop("parameters")["properties"]
    assert function == about
    assert properties in (SCHEMA["properties"], {"a": {}})


@each_row(
    ("schema", "reason"),
    [
        ({"name": "f", "description": "d"}, "describes no object"),
        ({"no": "schema"}, "describes no object"),
        ({"title": "L", "type": "array"}, "root must be an object"),
        (7, "not a pydantic class"),
        (dict, "not a pydantic class"),
        (WithFunction, "CallableSchema"),
        (Loop, "use a pydantic class"),  # a TypedDict that refers to itself
    ],
)
def test_what_describes_no_object_is_refused(schema: Any, reason: str) -> None:
    with pytest.raises(OxenConfigError, match=reason):
        function_from(schema)


def test_strict_closes_every_object() -> None:
    function = function_from(HerdDict, strict=True)
    assert function["strict"] is True
    for schema in (function["parameters"], *function["parameters"]["$defs"].values()):
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
    assert function_from(STRICT, strict=True)["parameters"] == SCHEMA


def test_validators_make_the_schemas_own_instances() -> None:
    value = {"name": "Bella", "age": 7}
    assert validator_for(Ox)(value) == Ox(**value)
    assert validator_for(OxV1)(value) == OxV1(**value)
    assert validator_for(OxData)({"name": "Bella"}) == OxData("Bella")
    assert validator_for(OxDict)(value) == validator_for(SCHEMA)(value) == value


def test_what_python_writes_into_a_dataclass_is_no_description() -> None:
    assert not function_from(dataclasses.make_dataclass("Plain", [("name", str)])).get("description")
