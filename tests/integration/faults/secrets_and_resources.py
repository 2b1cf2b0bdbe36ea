"""Run a piece of work under a watchdog, and look for secrets in what it left behind."""

from __future__ import annotations

import pickle
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from _oxen_transport.errors import OxenError
from tests.entry_points import KEY

OURS = tuple(str(Path(__file__).parents[3] / folder) for folder in ("tests", "tools"))


def watched(work: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Run it in a thread; what does not end is a failure, not a hang of the suite."""
    result: list[Any] = []

    def run() -> None:
        try:
            result.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            result.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not result:
        pytest.fail(f"still running after {seconds} s: a hang")
    value, error = result[0]
    if error is not None:
        raise error
    return value


def everything_shown_by(error: BaseException) -> str:
    """Text, repr, attributes, and the traceback with all local variables, causes included.

    Frames of the tests are left out: they hold the secrets they look for.
    """
    rendered = traceback.TracebackException.from_exception(error, capture_locals=True)
    link: traceback.TracebackException | None = rendered
    while link is not None:
        link.stack[:] = [frame for frame in link.stack if not frame.filename.startswith(OURS)]
        link = link.__cause__ or link.__context__
    return "".join(rendered.format()) + str(error) + repr(error) + repr(error.__dict__)


def assert_keeps_secrets(error: OxenError, *secrets: str) -> None:
    """Neither shown nor stored; and what is stored comes back whole."""
    shown, stored = everything_shown_by(error), pickle.dumps(error)
    for secret in (KEY, *secrets):
        assert secret not in shown, "a secret is shown"
        assert secret.encode() not in stored, "a secret is in the pickled error"
    again = pickle.loads(stored)  # noqa: S301 - our own bytes
    assert (type(again), str(again), again.details) == (type(error), str(error), error.details)
