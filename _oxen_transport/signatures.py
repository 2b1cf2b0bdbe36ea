"""Signatures worked out once: frameworks ask for some methods' on every call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def with_signature(method: F) -> F:
    """A decorator: `inspect.signature` finds the answer ready, and does not take the method apart anew.

    https://docs.python.org/3/library/inspect.html#inspect.signature: `__signature__` comes first, and
    `functools.wraps` hands it on.
    """
    method.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    return method
