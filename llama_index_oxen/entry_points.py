"""Core's callbacks around the methods that answer: typed, and behind a check of what is asked.

Core makes events of the arguments first, so a string in place of messages would end in an error of pydantic's.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from _oxen_transport.errors import OxenConfigError

F = TypeVar("F", bound=Callable[..., Any])


def answers_chat(method: F) -> F:
    """A decorator: one call is one event, one permit of the rate limiter, one count."""
    return cast("F", _checked(llm_chat_callback()(method), "messages", _check_messages))


def answers_prompt(method: F) -> F:
    """A decorator: the same for a method that takes one prompt."""
    return cast("F", _checked(llm_completion_callback()(method), "prompt", _check_prompt))


def without_span(method: F) -> F:
    """Core's method as it is: instrumentation wraps an override as well as what it overrides, in a span each."""
    return cast("F", getattr(method, "__wrapped__", method))


def _checked(method: Any, name: str, check: Callable[[Any], None]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def awaited(self: Any, *args: Any, **kwargs: Any) -> Any:
            check(args[0] if args else kwargs.get(name))
            return await method(self, *args, **kwargs)

        return awaited

    @functools.wraps(method)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        check(args[0] if args else kwargs.get(name))
        return method(self, *args, **kwargs)

    return called


def _check_messages(messages: Any) -> None:
    if isinstance(messages, str):
        raise OxenConfigError("messages must be a list of ChatMessage (got a string); for one prompt use complete()")
    if isinstance(messages, ChatMessage):
        raise OxenConfigError("messages must be a list of ChatMessage (got a single one): write [message]")
    for message in messages or ():
        if not isinstance(message, ChatMessage):
            raise OxenConfigError(f"messages must be a list of ChatMessage (got a {type(message).__name__} in it)")


def _check_prompt(prompt: Any) -> None:
    if not isinstance(prompt, str):
        raise OxenConfigError(f"prompt must be a string (got a {type(prompt).__name__}); for messages use chat()")
