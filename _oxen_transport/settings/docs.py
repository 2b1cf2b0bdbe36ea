"""A constructor's signature and the list of its parameters, as `help()` and notebooks show them.

pydantic makes a signature with the validators, which these classes put off to the first instance (`defer_build`).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from _oxen_transport.settings import OxenSettings
from _oxen_transport.settings.names import ALIASES

T = TypeVar("T", bound=BaseModel)

_ACCEPTED: dict[str, Any] = {
    "model": str,  # the ids that are known would fill a screen
    "max_tokens": int | Literal["fit"] | None,
    "stop": str | Sequence[str] | None,
    "extra_headers": Mapping[str, str | SecretStr],
    "api_key": str | SecretStr | None,
    "proxy": str | SecretStr | None,
}
"""Parameters that take more types than their attribute has, or that are better shown by a shorter one."""


class _Factory:
    def __repr__(self) -> str:
        return "<factory>"


def documented(cls: type[T]) -> type[T]:
    """A class decorator: give a class with an `__init__` of its own its signature, and list its parameters."""
    fields = cls.model_fields
    further = [name for name in fields if name not in OxenSettings.model_fields and _declared_here(cls, name)]
    ours = [*OxenSettings.model_fields, *further]
    inherited = [name for name in fields if name not in ours]
    parameters = [_parameter(name, fields[name]) for name in (*ours, *inherited)]
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    cls.__dict__["__init__"].__signature__ = inspect.Signature([own, *parameters], return_annotation=None)
    cls.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined, unused-ignore]
    lines = [f"    {name}: {fields[name].description}{_other_names(name)}" for name in ours]
    rest = f"    The framework's own: {', '.join(inherited)}."
    cls.__doc__ = "\n".join([inspect.cleandoc(cls.__doc__ or ""), "", "All parameters:", *lines, rest])
    return cls


def _declared_here(cls: type[BaseModel], name: str) -> bool:
    declaring = next(base for base in cls.__mro__ if name in inspect.get_annotations(base))
    return declaring.__module__.partition(".")[0] == cls.__module__.partition(".")[0]


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    annotation = _ACCEPTED.get(name, field.annotation)
    default = _Factory() if field.default_factory else field.default
    default = inspect.Parameter.empty if field.is_required() else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _other_names(name: str) -> str:
    others = [f"`{alias}`" for alias, ours in ALIASES.items() if ours == name]
    return f" Also accepted as {' or '.join(others)}." if others else ""
