"""Per-call headers as secrets, before anybody else sees the call.

Frameworks hand a call's keyword arguments to tracers, keep them in bindings, and hold them in frames
that crash reporters print. So the values are veiled where the call enters: around the methods of the
finished class. A header that its caller gives as `SecretStr` is veiled in the caller's frames, too.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import SecretStr

T = TypeVar("T")


class Redactor:
    """Takes the caller's secrets, and whatever looks like a bearer token, out of a text.

    An object, not a tuple of texts: tracebacks with local variables must not show them.
    """

    def __init__(self, *secrets: SecretStr) -> None:
        self._secrets = secrets

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            if len(secret.get_secret_value()) >= 4:  # a shorter one would blacken half of the text
                text = text.replace(secret.get_secret_value(), "[redacted]")
        return re.sub(r"(?i)(bearer\s+)[\w.~+/=-]{6,}", r"\1[redacted]", text)


NOTHING_SECRET = Redactor()


def mask_headers(*names: str) -> Callable[[type[T]], type[T]]:
    """A class decorator: the named methods veil `extra_headers` among their keyword arguments."""

    def wrap(cls: type[T]) -> type[T]:
        for name in names:
            setattr(cls, name, _concealed(getattr(cls, name)))
        return cls

    return wrap


def _concealed(method: Any) -> Callable[..., Any]:
    # bound by its own means: a decorated method tells a bound call from a plain one, the slow way
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await method.__get__(self)(*args, **_mask(kwargs))

        return awaited

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method.__get__(self)(*args, **_mask(kwargs))

    return called


def _mask(kwargs: dict[str, Any]) -> dict[str, Any]:
    """In place: the frame that holds these keyword arguments shall not show them either."""
    if "llm_kwargs" in kwargs and isinstance(kwargs["llm_kwargs"], dict):
        kwargs["llm_kwargs"] = _mask(dict(kwargs["llm_kwargs"]))
    if "extra_headers" in kwargs and isinstance(kwargs["extra_headers"], dict):
        headers = kwargs["extra_headers"]
        kwargs["extra_headers"] = {name: SecretStr(v) if isinstance(v, str) else v for name, v in headers.items()}
    return kwargs
