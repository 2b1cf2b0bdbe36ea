"""The arguments of a tool call: JSON text in a request and in an answer, an object for whoever runs the tool."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from _oxen_transport.errors import OxenConfigError


def arguments_text(arguments: Any) -> str:
    """Arguments as JSON text. Text stays as the model wrote it. Raises: OxenConfigError."""
    if isinstance(arguments, str):
        return arguments or "{}"
    try:
        return to_json(arguments if arguments is not None else {}).decode()
    except PydanticSerializationError as error:
        reason = str(error)[:200]
    raise OxenConfigError(f"the arguments of a tool call hold something JSON cannot carry: {reason}")


def partial_arguments(text: str) -> dict[str, Any]:
    """The arguments as far as they have come, the text being written included; {} if no object."""
    try:  # a number at the end may go on: 4 may be about to become 42
        value = from_json(text.rstrip("0123456789.+-eE"), allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def parse_arguments(text: str) -> dict[str, Any] | None:
    """Parse the arguments of a call, without ever raising.

    Returns:
        The object; {} for "" and "null" (a call without arguments); None if the text is cut, is no
        JSON, or no object. A repeated key counts with its last value.
    """
    if text.strip(" \t\r\n") in ("", "null"):
        return {}
    try:
        value = from_json(text)
    except (ValueError, TypeError):  # TypeError: pydantic_core takes no text with lone surrogates
        value = _with_raw_line_breaks(text)
    return value if isinstance(value, dict) else None


def _with_raw_line_breaks(text: str) -> Any:
    """Models write raw line breaks into JSON strings, code above all; that alone is forgiven."""
    if min(text) >= " ":
        return None
    try:
        return from_json(json.dumps(json.loads(text, strict=False)))  # twice, for one and the same strictness
    except (ValueError, RecursionError):
        return None
