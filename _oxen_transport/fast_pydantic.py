"""Objects of pydantic classes with their fields filled in directly, and the check that this may be done.

pydantic's constructors are most of what a token costs. Before the first use both ways are compared, slot by slot:
where a release of a framework or of pydantic makes them differ, the constructors go on making the objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")
_set = object.__setattr__  # pydantic's own would check and note each assignment


def fill(cls: type[T], fields: dict[str, Any], fields_set: set[str], extra: dict[str, Any] | None = None) -> T:
    """An object with every slot that its constructor would fill: fields in their order, those that count as given."""
    made = object.__new__(cls)
    _set(made, "__dict__", fields)
    _set(made, "__pydantic_fields_set__", fields_set)
    _set(made, "__pydantic_extra__", extra)
    _set(made, "__pydantic_private__", None)
    return made


def same(pairs: Iterable[tuple[Any, Any]]) -> bool:
    """Whether the two objects of each pair agree in every slot, and in the order of their fields."""
    return all(
        type(one) is type(other)
        and one.__dict__ == other.__dict__
        and list(one.__dict__) == list(other.__dict__)
        and one.__pydantic_fields_set__ == other.__pydantic_fields_set__
        and one.__pydantic_extra__ == other.__pydantic_extra__
        and one.__pydantic_private__ == other.__pydantic_private__
        for one, other in pairs
    )
