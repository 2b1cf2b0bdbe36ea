"""Memory of this process, as Linux counts it (0 elsewhere), and the time that the garbage collector takes for it."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator


def _status(field: str) -> float:
    try:
        with open("/proc/self/status") as lines:
            return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))
    except OSError:
        return 0.0


def now() -> float:
    """MB in use."""
    return _status("VmRSS")


def peak() -> float:
    """The most MB since `reset_peak`."""
    return _status("VmHWM")


def reset_peak() -> None:
    """From now on."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


@contextlib.contextmanager
def collector_timed() -> Iterator[list[float]]:
    """Yield a list that gets the CPU seconds of each collection."""
    times: list[float] = []

    def timed(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            times.append(-time.process_time())
        else:
            times[-1] += time.process_time()

    gc.callbacks.append(timed)
    try:
        yield times
    finally:
        gc.callbacks.remove(timed)
