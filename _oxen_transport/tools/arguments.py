"""The arguments of a tool call: JSON text in a request and in an answer, an object for whoever runs the tool."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pydantic_core import from_json

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.unicode import valid_json, valid_text, valid_tree

_MAY_OVERFLOW = re.compile(r"\d[eE]\+?\d{2}|\d{300}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def arguments_text(arguments: Any) -> str:
    """Arguments as JSON text. Text stays as the model wrote it. Raises: OxenConfigError."""
    if isinstance(arguments, str):
        return arguments or "{}"
    try:
        return valid_json(arguments if arguments is not None else {}).decode()
    except ValueError as error:
        reason = str(error)[:200]
    raise OxenConfigError(f"the arguments of a tool call are not JSON serializable: {reason}")


def partial_arguments(text: str) -> dict[str, Any]:
    """The arguments as far as they have come, the text being written included; {} if not an object."""
    try:  # a number at the end may go on: 4 may be about to become 42
        value = from_json(text.rstrip("0123456789.+-eE"), allow_partial="trailing-strings")
    except (ValueError, TypeError):  # TypeError: pydantic_core accepts no text with lone surrogates
        return {}
    return value if isinstance(value, dict) else {}


def parse_arguments(text: str) -> dict[str, Any] | None:
    """Parse the arguments of a call, without ever raising; "" and "null" are a call without arguments.

    None if the text is cut, is not JSON (NaN and infinite numbers are not), or not an object. A repeated key counts
    with its last value; a lone surrogate becomes U+FFFD.
    """
    if text.strip(" \t\r\n") in ("", "null"):
        return {}
    try:
        value = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError):  # TypeError: as above
        value = _parse_leniently(text)
    if not isinstance(value, dict) or (_MAY_OVERFLOW.search(text) and not _is_finite(value)):
        return None
    return value


def _parse_leniently(text: str) -> Any:
    """Accept raw line breaks in strings (models write code so), and lone surrogates; nothing else."""
    valid = valid_text(text)
    if valid == text and min(text) >= " " and not _SURROGATE.search(text):
        return None
    try:
        value = valid_tree(json.loads(valid, strict=False))
        return from_json(json.dumps(value), allow_inf_nan=False)  # again, for the same strictness
    except (ValueError, RecursionError):
        return None


def _is_finite(value: Any) -> bool:
    """Whether every number in a JSON value is: parsers read 1e999 as infinity."""
    if isinstance(value, float):
        return math.isfinite(value)
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_finite, items))
