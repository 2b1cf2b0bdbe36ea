"""A schema in any form that the frameworks take -> the function that describes an object.

As in OpenAI's tools (https://platform.openai.com/docs/guides/structured-outputs); `$ref`s are kept, for recursion.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, NotRequired, Required, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field, PydanticUserError, TypeAdapter, create_model
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema

from _oxen_transport.errors import OxenConfigError

_NAME = "answer"  # the name of an object whose schema has none
_KEYWORDS = frozenset(
    {"$ref", "additionalProperties", "allOf", "anyOf", "oneOf", "patternProperties", "properties", "type"}
)
"""A JSON schema has at least one of them."""


class _WithoutTitles(GenerateJsonSchema):
    """A field's title repeats its name, and costs tokens with each call."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def function_from(schema: Any, *, strict: bool | None = None) -> dict[str, Any]:
    """Describe an object as a function. Raises: OxenConfigError, for a schema that says nothing or cannot be converted.

    It may be a pydantic class (v2 or v1), a dataclass, a TypedDict, a JSON schema, an OpenAI function or tool, or
    OpenAI's `json_schema` format. `strict` asks for objects that fit exactly: the schema is closed for that.
    """
    name, description, parameters, own_strict = _parts(schema)
    parameters = _with_type(_resolved_root(parameters))
    if strict and own_strict is None:
        parameters = _closed(parameters)
    strict = own_strict if strict is None else strict
    return {
        "name": name,
        **({"description": description} if description else {}),
        "parameters": parameters,
        **({} if strict is None else {"strict": strict}),
    }


def validator_for(schema: Any) -> Callable[[Any], Any]:
    """A function that makes a schema's own instance of an object. Objects of other schemas stay dicts."""
    validate: Any = None
    if isinstance(schema, type):  # pydantic, its second version or its first
        validate = getattr(schema, "model_validate", None) or getattr(schema, "parse_obj", None)
    if callable(validate):
        return cast(Callable[[Any], Any], validate)
    if dataclasses.is_dataclass(schema):
        return TypeAdapter(schema).validate_python
    return _as_it_is


def _as_it_is(value: Any) -> Any:  # not a lambda, which cannot be pickled
    return value


_Parts = tuple[str, str | None, dict[str, Any], bool | None]


def _parts(schema: Any) -> _Parts:
    """Name, description, JSON schema, and whether it is strict by itself."""
    if isinstance(schema, Mapping):
        return _parts_of_dict(dict(schema))
    reason = f"{schema!r:.100} is not a pydantic class, dataclass, TypedDict or JSON schema"
    try:
        made = _json_schema(schema)
    except PydanticInvalidForJsonSchema as error:
        made, reason = None, error.message
    except (PydanticUserError, TypeError, NameError, RuntimeError) as error:
        made, reason = None, str(error).partition("\n")[0]
    if made is None:
        raise OxenConfigError(f"cannot convert this schema to a JSON schema: {reason[:300]}")
    description = made.pop("description", None)
    return str(made.pop("title", getattr(schema, "__name__", _NAME))), description, made, None


def _parts_of_dict(schema: dict[str, Any]) -> _Parts:
    for wrapper in ("json_schema", "function"):  # {"type": "function", "function": {...}}
        if schema.get("type") == wrapper and isinstance(schema.get(wrapper), Mapping):
            return _parts_of_dict(dict(schema[wrapper]))
    inner = next((schema[key] for key in ("parameters", "schema", "input_schema") if key in schema), None)
    if "name" in schema and isinstance(inner, Mapping):
        name, description, parameters = schema["name"], schema.get("description"), dict(inner)
    else:
        parameters = {key: value for key, value in schema.items() if key not in ("title", "description")}
        name, description = schema.get("title") or _NAME, schema.get("description")
    if not parameters.keys() & _KEYWORDS:
        raise OxenConfigError(
            "cannot convert this schema to a JSON schema: it describes no object; it needs `properties`, or a `name` "
            f"with `parameters` or `schema` (got the keys {', '.join(map(str, schema))})"
        )
    own_strict = schema.get("strict")
    return str(name), description, parameters, own_strict if isinstance(own_strict, bool) else None


def _json_schema(schema: Any) -> dict[str, Any] | None:
    """The JSON schema of a class; None if it is not of a known kind."""
    if _is_typed_dict(schema):
        schema = _model_of_typed_dict(schema, ())
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema(schema_generator=_WithoutTitles)
    if dataclasses.is_dataclass(schema):
        name, doc = getattr(schema, "__name__", _NAME), inspect.getdoc(schema) or ""
        made = TypeAdapter(schema).json_schema(schema_generator=_WithoutTitles)
        if doc and not doc.startswith(
            f"{name}("
        ):  # pydantic reads it from 2.13 on; Python writes one where there is none
            made.setdefault("description", doc)
        return {"title": name, **made}
    if isinstance(schema, type) and hasattr(schema, "__fields__") and hasattr(schema, "schema"):  # pydantic v1
        return dict(schema.schema())
    return None


def _is_typed_dict(kind: Any) -> bool:
    """Also of typing_extensions, whose class `typing.is_typeddict` does not know."""
    return isinstance(kind, type) and issubclass(kind, dict) and hasattr(kind, "__required_keys__")


def _model_of_typed_dict(typed: Any, within: tuple[Any, ...]) -> type[BaseModel]:
    """A pydantic class with the fields of a TypedDict, which pydantic itself takes from Python 3.12 on only.

    As in LangChain, `Annotated[int, ..., "its age"]` is a field with a default (`...`: none) and a description.
    """
    if typed in within:
        raise TypeError(f"the TypedDict {typed.__name__} refers to itself; use a pydantic class for that")
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(typed, include_extras=True).items():
        required, metadata = name in typed.__required_keys__, list[Any]()
        while (origin := _origin(hint)) in (Required, NotRequired, Annotated):
            if origin is Annotated:
                hint, *metadata = get_args(hint)  # noqa: PLW2901 - unwrapped layer by layer
            else:
                required, (hint,) = origin is Required, get_args(hint)  # noqa: PLW2901
        fields[name] = (_without_typed_dicts(hint, (*within, typed)), _field(metadata, required=required))
    made: type[BaseModel] = create_model(typed.__name__, __doc__=typed.__doc__, **fields)
    return made


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _field(metadata: Sequence[Any], *, required: bool) -> Any:
    default, description = (metadata[0], metadata[1]) if len(metadata) > 1 else (..., None)
    if not isinstance(description, str):  # not LangChain's convention: at most a text that describes
        default, description = ..., next((item for item in metadata if isinstance(item, str)), None)
    if required or default is not ...:
        return Field(default, description=description)
    return Field(default_factory=lambda: None, description=description)  # optional, and no default in the schema


def _without_typed_dicts(kind: Any, within: tuple[Any, ...]) -> Any:
    """The same type, with pydantic classes in place of TypedDicts."""
    if _is_typed_dict(kind):
        return _model_of_typed_dict(kind, within)
    arguments = get_args(kind)
    replaced = tuple(_without_typed_dicts(argument, within) for argument in arguments)
    if replaced == arguments:
        return kind
    if isinstance(kind, UnionType):
        return functools.reduce(operator.or_, replaced)
    return kind.copy_with(replaced) if hasattr(kind, "copy_with") else _origin(kind)[replaced]


def _resolved_root(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what its root refers to in the root itself: servers want a `type` there."""
    match = re.fullmatch(r"#/(\$defs|definitions)/([^/]+)", str(schema.get("$ref", "")))
    target = schema.get(match[1], {}).get(match[2]) if match else None
    if not isinstance(target, Mapping):
        return schema
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return {**{key: value for key, value in target.items() if key not in ("title", "description")}, **own}


def _with_type(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type", "object")
    if kind != "object":
        raise OxenConfigError(f"cannot ask for this schema: its root must be an object (got type {kind!r})")
    return schema if "type" in schema else {"type": "object", **schema}


def _closed(schema: Any) -> Any:
    """The schema as OpenAI's strict mode wants it: every property required, and no others."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        closed |= {"required": list(schema["properties"]), "additionalProperties": False}
    return closed
