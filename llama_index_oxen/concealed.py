"""Per-call headers as secrets, before any tracer sees the call.

Core hands a call's keyword arguments to spans (`llama_index_instrumentation/dispatcher.py`, `bound_args`)
and to events (`llama_index/core/llms/callbacks.py`, `additional_kwargs`). Spans are wound around a method
when its class is made, so the headers can only be veiled around that: on the finished class.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import SecretStr

T = TypeVar("T")

_TRACED = (
    *("chat", "stream_chat", "achat", "astream_chat"),
    *("complete", "stream_complete", "acomplete", "astream_complete"),
    *("structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict"),
    *("predict_and_call", "apredict_and_call"),
)


def conceal_headers(cls: type[T]) -> type[T]:
    """Wrap every traced method of a finished class."""
    for name in _TRACED:
        setattr(cls, name, _concealed(getattr(cls, name)))
    return cls


def _concealed(method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await method(self, *args, **_veil(kwargs))

        return awaited

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **_veil(kwargs))

    return called


def _veil(kwargs: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kwargs.get("llm_kwargs"), dict):
        kwargs["llm_kwargs"] = _veil(dict(kwargs["llm_kwargs"]))
    if isinstance(kwargs.get("extra_headers"), dict):
        headers = kwargs["extra_headers"]
        kwargs["extra_headers"] = {name: SecretStr(v) if isinstance(v, str) else v for name, v in headers.items()}
    return kwargs
