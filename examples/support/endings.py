"""How an example ends when it cannot go on: one line that says why and what to do, in place of fifty of a traceback."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType


class ExampleError(RuntimeError):
    """What went wrong outside of the example's code; the message is one sentence that says what to do."""


# by name, because importing the libraries takes seconds: what they raise when a server is away
_FAMILIES = {
    "OxenError": "{error}",
    "GraphRecursionError": "The agent came to no end in the steps it has: ask something simpler, or a larger model.",
    "ApiException": "Qdrant failed ({error}): check that it runs, and its address in --qdrant-url.",
}


GRACE = 2.0  # seconds after Ctrl-C in which files are put in order; then the process ends, whatever still waits
_leaving = threading.Lock()


def install() -> None:
    """Let every uncaught exception of this process end in one line, if its cause is known; Ctrl-C, too, and soon."""
    sys.excepthook = _end
    signal.signal(signal.SIGINT, _interrupt)
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
        _leave()
    elif text := explanation(error):
        print(f"\n{text}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _interrupt(_: int, __: FrameType | None) -> None:
    """Ctrl-C. An event loop cancels what it waits for; threads cannot be cancelled, and executors wait for theirs."""
    if asyncio._get_running_loop() is None:
        timer = threading.Timer(GRACE, _leave)
        timer.daemon = True
        timer.start()
    raise KeyboardInterrupt


def _leave() -> None:
    """End now: threads may still wait for answers that nobody wants any more."""
    if not _leaving.acquire(blocking=False):
        threading.Event().wait()  # another thread is about to
    if waiting := sys.modules.get("examples.support.waiting"):
        waiting.stop()
    print("\nStopped.", file=sys.stderr)
    if local := sys.modules.get("examples.support.local"):
        local.stop_server()
    sys.stdout.flush()
    os._exit(130)
