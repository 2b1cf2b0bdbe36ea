r"""JSON as servers write it -> values, with every string valid.

Bytes that are not UTF-8, and lone surrogates, become U+FFFD; a byte order mark, or UTF-16, is read as what it is.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic_core import from_json

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)")
_LONE = 6  # characters of an escape that is not a part of a pair


def parse_json(data: bytes) -> Any:
    """Parse JSON. Raises: ValueError."""
    try:
        return from_json(data)
    except ValueError:
        text = _decoded(data)
    try:
        return from_json(text)
    except ValueError:
        return from_json(_ESCAPE.sub(lambda escape: r"\ufffd" if len(escape[0]) == _LONE else escape[0], text))


def parse_exactly(data: bytes) -> Any:
    """Parse JSON that `parse_json` has accepted, and keep lone surrogates."""
    return json.loads(_decoded(data))


def has_surrogates(data: bytes) -> bool:
    """Whether JSON escapes surrogates, in pairs or alone."""
    return _SURROGATE.search(data) is not None


def _decoded(data: bytes) -> str:
    return data.decode(json.detect_encoding(data), "replace").removeprefix("\ufeff")
