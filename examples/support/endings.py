"""How an example ends when it cannot go on: one line that says why and what to do, in place of fifty of a traceback."""

from __future__ import annotations

import os
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


class ExampleError(RuntimeError):
    """What went wrong outside of the example's code; the message is one sentence that says what to do."""


# by name, because importing the libraries takes seconds: what they raise when a server is away
_FAMILIES = {
    "OxenError": "{error}",
    "GraphRecursionError": "The agent came to no end in the steps it has: ask something simpler, or a larger model.",
    "ApiException": "Qdrant failed ({error}): check that it runs, and its address in --qdrant-url.",
}


def install() -> None:
    """Let every uncaught exception of this process end in one line, if its cause is known."""
    sys.excepthook = _end
    # LangChain's SQL toolkit lives in langchain-community, which gets fixes only; there is no successor yet
    warnings.filterwarnings("ignore", message=".*langchain-community.*sunset", category=DeprecationWarning)


def explanation(error: BaseException) -> str | None:
    """One line about this error, or about what caused it; None if it is a fault of the example itself."""
    for one in _causes(error):
        names = [base.__name__ for base in type(one).__mro__]
        if isinstance(one, ExampleError):
            return str(one)
        for name, text in _FAMILIES.items():
            if name in names:
                return text.format(error=" ".join(str(one).split()))
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what is in it if it is a group, and what it came from."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*getattr(one, "exceptions", ()), one.__cause__, one.__context__]


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("\nStopped.", file=sys.stderr)
        if local := sys.modules.get("examples.support.local"):
            local.stop_server()
        sys.stdout.flush()
        os._exit(130)  # threads may still wait for answers that nobody wants now
    elif text := explanation(error):
        print(f"\n{text}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
