"""pydantic's findings -> one `OxenConfigError` in plain words, without the value of any secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.settings.names import unknown_parameter

_UNION_STEP = re.compile(r"(function-|constrained-|list\[|dict\[|tuple\[|literal\[).*|int|float|str|bool")
"""A step on pydantic's way into a union, which names no field."""
_SECRETS = ("api_key", "proxy", "extra_headers", "base_url")


def config_error(error: ValidationError, model: type[BaseModel], elsewhere: Iterable[str] = ()) -> OxenConfigError:
    """One demand for each parameter that is wrong; of those that another class has (`elsewhere`), the text says so."""
    lines: list[str] = []
    demands: dict[tuple[str, str], list[str]] = {}
    for item in error.errors(include_url=False):
        name = ".".join(str(part) for part in item["loc"] if not _UNION_STEP.fullmatch(str(part)))
        if item["type"] == "extra_forbidden":
            lines.append(unknown_parameter(name, model.model_fields, elsewhere))
        else:  # the members of a union each have their own demand
            demands.setdefault((name, _shown(item)), []).append(_demand(item["msg"]))
    for (name, shown), texts in demands.items():
        first, *others = dict.fromkeys(texts)
        text = " or ".join([first, *(other.removeprefix("must be ") for other in others)]) + shown
        lines.append(f"{name}: {text}" if name else text)
    return OxenConfigError("; ".join(dict.fromkeys(lines)))


def _demand(message: str) -> str:
    message = message.removeprefix("Value error, ").partition(", unable to parse")[0]
    return message.replace("Input should be ", "must be ", 1)


def _shown(item: Any) -> str:
    """The value that was passed, if that is not a secret and short enough to help."""
    root, value = (item["loc"] or ("",))[0], item.get("input")
    if root in _SECRETS or item["type"] == "value_error" or not isinstance(value, (int, float, str)):
        return ""
    return f" (got {value[:60]!r})" if isinstance(value, str) else f" (got {value})"
