"""Structured output: ask for a JSON object, read it, and ask again where that helps. No I/O.

What servers support varies (https://docs.oxen.ai/inference-api/reference/chat_completions): "auto" tries one method
after the other, and remembers per server and model which one worked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from _oxen_transport import capabilities
from _oxen_transport.errors import (
    OxenBadRequestError,
    OxenContextOverflowError,
    OxenError,
    OxenNotFoundError,
    OxenServerError,
    OxenStructuredOutputError,
)
from _oxen_transport.settings import OxenSettings
from _oxen_transport.structured_object import StructuredObject, answer_as_text
from _oxen_transport.types import Completion

StructuredMethod = Literal["json_schema", "function_calling", "json_mode", "prompt"]
METHODS: tuple[StructuredMethod, ...] = ("json_schema", "function_calling", "json_mode", "prompt")
"""From the method that binds the model most to the one that only asks."""

_CORRECTION = """This answer cannot be used: {}
Answer again with the whole corrected object, and with nothing else."""

M = TypeVar("M")


class StructuredRounds:
    """One request for an object, in one or more rounds: what to send next, and whether it is over.

    A framework sends `messages(...)` with `parameters` while it is not `over`, within `with rounds:`, and gives each
    answer to `take`.

    Args:
        wanted: The object.
        settings: The model object's own; where a method worked is remembered for its server.
        method: One of `METHODS`, or "auto".
        model: The id of the model, if the call has its own.
        repair: Whether the model may correct an object that does not fit, once.
        instruct: Whether "json_mode" also puts the schema into the prompt; "auto" always does.
        raises: Whether an object that does not fit is raised at last; else it is in `error`.
    """

    def __init__(  # noqa: PLR0913 - each is one decision of the caller
        self,
        wanted: StructuredObject,
        settings: OxenSettings,
        method: str,
        *,
        model: str | None = None,
        repair: bool = False,
        instruct: bool = True,
        raises: bool = True,
    ) -> None:
        self.over = False
        self.result: Any = None
        self.error: OxenStructuredOutputError | None = None
        self._wanted, self._raises = wanted, raises
        self._is_auto = method == "auto"
        self._instruct = instruct or self._is_auto
        self._server = (settings.base_url, model or settings.model)
        first = capabilities.structured_method(*self._server)
        self._methods = sorted(METHODS, key=lambda name: name != first) if self._is_auto else [method]
        self._repairs = 1 if repair else 0
        self._learns = self._is_auto
        self._begin_method(0)

    @property
    def method(self) -> str:
        """The method of this round."""
        return self._methods[self._index]

    @property
    def parameters(self) -> dict[str, Any]:
        """The request's parameters in this round."""
        return self._wanted.parameters(self.method)

    def messages(self, given: list[M], message: Callable[[str, str], M]) -> list[M]:
        """The conversation of this round; `message` makes one of the framework's from a role and a text."""
        needs_schema = self._instruct and self.method in ("json_mode", "prompt")
        before = [message("system", self._wanted.instructions())] if needs_schema else []
        return [*before, *given, *(message(role, text) for role, text in self._corrections)]

    def take(self, answer: Completion) -> None:
        """Read an answer: the result, or another round. Raises: OxenStructuredOutputError, if it was the last."""
        self._answered = True
        try:
            self.result, self.error = self._wanted.read(answer), None
        except OxenStructuredOutputError as error:
            self.error = error
        attempted = self.error is None or self._wanted.is_attempt(answer)
        if attempted and self._learns:
            capabilities.structured_method_succeeded(*self._server, self.method)
        if not attempted and self._has_another_method():
            self._begin_method(self._index + 1)
        elif self.error is not None and self._repairs:
            self._repairs -= 1
            self._corrections += [
                ("assistant", answer_as_text(answer)),
                ("user", _CORRECTION.format(self.error.message[:1500])),
            ]
        elif self.error is not None and self._raises:
            raise self.error
        else:
            self.over = True

    def __enter__(self) -> None:
        """One request begins."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """It failed: suppress the error if another method may help."""
        if self._answered or not isinstance(error, OxenError):
            return False
        # a server may fail by accident: then a later method's success says nothing about this one
        self._learns = self._learns and not isinstance(error, OxenServerError)
        if not (self._has_another_method() and is_rejection(error)):
            return False
        self._begin_method(self._index + 1)
        return True

    def _has_another_method(self) -> bool:
        return self._index + 1 < len(self._methods)

    def _begin_method(self, index: int) -> None:
        self._index = index
        self._answered = False
        self._corrections: list[tuple[str, str]] = []


def is_rejection(error: OxenError) -> bool:
    """Whether an error may be about the method: any 4xx that rejects the request, as servers have many words for it.

    llama.cpp answers 500 when the model writes a call that it cannot parse; OpenRouter answers 404 when no provider
    of the model supports the method.
    """
    if isinstance(error, OxenContextOverflowError):
        return False
    if isinstance(error, OxenNotFoundError):
        return not error.details.unknown_model
    return isinstance(error, OxenBadRequestError) or (
        isinstance(error, OxenServerError) and error.details.status_code == 500
    )
