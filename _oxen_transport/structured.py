"""Which way of asking for an object a server understands: tried once, then remembered.

Oxen documents `json_object` with the remark that support varies by provider
(https://docs.oxen.ai/inference-api/reference/chat_completions), and compatible servers differ: some
refuse a JSON schema, some ignore it, some know no tools. So "auto" climbs down a ladder.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from _oxen_transport.errors import OxenBadRequestError, OxenContextOverflowError, OxenError, OxenServerError
from _oxen_transport.settings import OxenSettings

StructuredMethod = Literal["json_schema", "function_calling", "json_mode", "prompt"]
RUNGS: tuple[StructuredMethod, ...] = ("json_schema", "function_calling", "json_mode", "prompt")
"""From the way that binds the model most to the one that only asks."""

_learnt: dict[tuple[str, str], StructuredMethod] = {}


class MethodFallback:
    """One request for an object: which ways to try, and what a failure means.

    Iterate over it; leave the loop when the object is there. What worked is remembered for the server
    and the model, for the whole process.
    """

    def __init__(self, settings: OxenSettings, model: str | None = None) -> None:
        self._place = (settings.base_url, model or settings.model)
        self._rungs = sorted(RUNGS, key=lambda rung: rung != _learnt.get(self._place))
        self._tried = 0
        self._certain = True

    def __iter__(self) -> Iterator[StructuredMethod]:
        """The ways to try: the one that worked before, then the others from the top."""
        for rung in self._rungs:
            self._tried += 1
            yield rung

    def may_go_on(self, error: OxenError) -> bool:
        """Whether the server may have refused the way of asking, and another is left."""
        self._certain = self._certain and not isinstance(error, OxenServerError)
        return self._tried < len(self._rungs) and is_refusal(error)

    def ignored(self) -> bool:
        """The answer holds no object at all. Returns: whether another way is left."""
        return self._tried < len(self._rungs)

    def succeeded(self, rung: StructuredMethod) -> None:
        """Remember what worked, unless the ways before it may have failed by accident."""
        if self._certain:
            _learnt[self._place] = rung


def is_refusal(error: OxenError) -> bool:
    """Whether an error may be about how the object was asked for, and not about the rest.

    Servers name the field they do not know in many ways, so every 4xx counts that says the request
    itself is wrong. llama.cpp answers 500 when the model writes a call that it cannot parse.
    """
    if isinstance(error, OxenContextOverflowError):
        return False
    return isinstance(error, OxenBadRequestError) or (
        isinstance(error, OxenServerError) and error.details.status_code == 500
    )


def forget() -> None:
    """Start anew; for tests, and when a server was changed."""
    _learnt.clear()


def in_words(schema: str) -> str:
    """The prompt that asks for an object where the server has no way of its own."""
    return (
        "Answer with one JSON object that fits this JSON schema, and with nothing else: "
        f"no explanation, no code fence.\n{schema}"
    )


def correction(reason: str) -> str:
    """The prompt of the repair round: the model sees what was wrong with its answer."""
    return (
        f"This answer cannot be used: {reason[:1500]}\n"
        "Answer again with the whole corrected object, and with nothing else."
    )
