"""One subject in a process of its own: `python -m benchmarks.worker NAME`.

Takes commands as lines of JSON, gives one line each: the parent interleaves several of these, so
that a noisy moment of the machine meets all of them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from typing import Any

from benchmarks.cases import Case
from benchmarks.layers import by_layer
from benchmarks.subject import Subject
from benchmarks.subjects import subject

Figures = dict[str, float]
DEADLINE = 30.0
"""Seconds after which a measurement ends, finished or not."""


class Worker:
    """One subject, and an event loop that lives as long as it does: connections stay warm."""

    def __init__(self, name: str) -> None:
        self._subject: Subject = subject(name)
        self._warm: set[str] = set()
        self._loop = asyncio.new_event_loop()

    def run(self, case: Case, url: str, *, profiled: bool = False) -> Figures:
        """Set up, warm up, measure once."""
        self._subject.use(case, url)
        if case.name not in self._warm:
            self._once(case)
            self._warm.add(case.name)
        if profiled:
            return self._calls(case)
        gc.collect()
        _reset_peak()
        before, cpu, wall = _rss(), time.process_time(), time.perf_counter()
        first, failed = self._all(case)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {
            "us": cpu / case.units * 1e6,
            "wall_us": wall / case.units * 1e6,
            "wall_s": wall,
            "first_us": sorted(first)[len(first) // 2] * 1e6 if first else 0.0,
            "failed": failed,
            "peak_mb": _peak(),
            "stream_kb": (_peak() - before) * 1024 / case.at_once,
        }

    def _calls(self, case: Case) -> Figures:
        """Function calls per unit, as cProfile counts them: no clock, so no noise."""
        import cProfile

        profile = cProfile.Profile()
        profile.enable()
        self._all(case)
        profile.disable()
        layers = {f"calls of {layer}": count / case.units for layer, count in by_layer(profile).items()}
        return {"calls": sum(layers.values()), **layers}

    def _once(self, case: Case) -> None:
        if case.call in ("send", "stream"):
            self._call(case)
        else:
            self._loop.run_until_complete(self._acall(case))

    def _all(self, case: Case) -> tuple[list[float], int]:
        """Every call of one measurement: times to the first chunk, and how many calls failed."""
        if case.call in ("send", "stream"):
            return [self._call(case) for _ in range(case.repeat)], 0
        return self._loop.run_until_complete(self._crowd(case))

    async def _crowd(self, case: Case) -> tuple[list[float], int]:
        if case.at_once == 1:
            return [await self._acall(case) for _ in range(case.repeat)], 0
        room = asyncio.Semaphore(case.at_once)

        async def one() -> float:
            async with room:
                return await self._acall(case)

        tasks = [asyncio.ensure_future(one()) for _ in range(case.repeat)]
        done, late = await asyncio.wait(tasks, timeout=DEADLINE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        good = [task.result() for task in done if task.exception() is None]
        return good, case.repeat - len(good)

    def _call(self, case: Case) -> float:
        begun = time.perf_counter()
        if case.call == "send":
            self._subject.send()
            return time.perf_counter() - begun
        first, count = 0.0, 0
        for _ in self._subject.stream():
            count += 1
            first = first or time.perf_counter() - begun
        _check(case, count)
        return first

    async def _acall(self, case: Case) -> float:
        begun = time.perf_counter()
        if case.call == "asend":
            await self._subject.asend()
            return time.perf_counter() - begun
        first, count = 0.0, 0
        async for _ in self._subject.astream():
            count += 1
            first = first or time.perf_counter() - begun
        _check(case, count)
        return first


def _check(case: Case, count: int) -> None:
    """Nobody is fast by leaving something out."""
    if count < case.chunks:
        raise AssertionError(f"{case.name}: {count} of {case.chunks} chunks arrived")


# -- memory, as Linux counts it ------------------------------------------------------------------


def _status(field: str) -> float:
    try:
        with open("/proc/self/status") as lines:
            return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))
    except OSError:
        return 0.0


def _rss() -> float:
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _reset_peak() -> None:
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        case = Case(**{**command["case"], "subjects": ()})
        try:
            figures: Any = worker.run(case, command["url"], profiled=command.get("profiled", False))
        except Exception as error:  # noqa: BLE001 - a peer that cannot do it is a result, too
            figures = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(figures), file=out, flush=True)


if __name__ == "__main__":
    main()
