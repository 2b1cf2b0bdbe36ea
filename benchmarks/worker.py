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

from benchmarks import memory
from benchmarks.app import app_serving
from benchmarks.cases import Case
from benchmarks.layers import by_layer
from benchmarks.subject import Subject, Unable
from benchmarks.subjects import subject

Figures = dict[str, float]
_ASYNC = ("asend", "astream", "app")
_WARM_CHUNKS = 5
_MARKS = (10, 100, 1000, 2500, 5000, 10_000, 20_000)


class Worker:
    """One subject, and event loops that live as long as it does: connections stay warm."""

    def __init__(self, name: str) -> None:
        self._subject: Subject = subject(name)
        self._warm: set[str] = set()
        self._loops = {False: asyncio.new_event_loop()}

    def _run(self, case: Case, work: Any) -> Any:
        """In the loop of this case."""
        if case.uvloop not in self._loops:
            import uvloop

            self._loops[True] = uvloop.new_event_loop()
        return self._loops[case.uvloop].run_until_complete(work)

    def run(self, case: Case, url: str, *, profiled: bool = False) -> Figures:
        """Set up, warm up, measure once."""
        self._subject.use(case, url)
        if case.name not in self._warm:
            if case.history < 1000:  # what is made once is made by now; a long history would only be sent twice
                self._once(case)
            self._warm.add(case.name)
        if profiled:
            return self._calls(case)
        gc.collect()
        memory.reset_peak()
        before, cpu = memory.now(), time.process_time()
        if case.call == "marks":
            return {**self._marks(case), "peak_mb": memory.peak()}
        with memory.collector_timed() as collections:
            first, failed = self._all(case)
        cpu = time.process_time() - cpu
        return {
            "us": cpu / case.units * 1e6,
            "us without gc": (cpu - sum(collections)) / case.units * 1e6,
            "first_us": sorted(first)[len(first) // 2] * 1e6 if first else 0.0,
            "failed": failed,
            "peak_mb": memory.peak(),
            "stream_kb": (memory.peak() - before) * 1024 / case.at_once,
        }

    def _calls(self, case: Case) -> Figures:
        """Function calls per unit, as cProfile counts them, which no noise changes; each layer's part of the time."""
        import cProfile

        profile = cProfile.Profile(time.process_time)  # waiting is nobody's work
        profile.enable()
        self._all(case)
        profile.disable()
        layers = by_layer(profile)
        calls = {f"calls of {layer}": count / case.units for layer, (count, _) in layers.items()}
        whole = sum(seconds for _, seconds in layers.values())
        parts = {f"part of {layer}": seconds / whole for layer, (_, seconds) in layers.items()}
        return {"calls": sum(calls.values()), **calls, **parts}

    def _once(self, case: Case) -> None:
        """The first call, or the beginning of the first stream: a paced one would take its time."""
        if case.call == "asend":
            self._run(case, self._subject.asend())
        elif case.call in _ASYNC:
            self._run(case, self._begun())
        elif case.call in ("stream", "marks"):
            chunks: Any = iter(self._subject.stream())
            for _ in range(_WARM_CHUNKS):
                next(chunks)
            chunks.close()
        elif case.call == "structured":
            self._call(case)
        elif case.call != "trim":
            self._subject.send()

    async def _begun(self) -> None:
        chunks: Any = self._subject.astream()
        for _ in range(_WARM_CHUNKS):
            await anext(chunks)
        await chunks.aclose()

    def _all(self, case: Case) -> tuple[list[float], int]:
        """Every call of one measurement: times to the first chunk, and how many calls failed."""
        if case.call == "app":
            return [], self._run(case, app_serving(self._subject, case))
        if case.call == "batch":
            self._subject.batch(case.repeat, case.at_once)
            return [], 0
        if case.call in _ASYNC:
            return self._run(case, self._crowd(case))  # type: ignore[no-any-return]
        return [self._call(case) for _ in range(case.repeat)], 0

    async def _crowd(self, case: Case) -> tuple[list[float], int]:
        if case.at_once == 1:
            return [await self._acall(case) for _ in range(case.repeat)], 0
        room = asyncio.Semaphore(case.at_once)

        async def one() -> float:
            async with room:
                return await self._acall(case)

        tasks = [asyncio.ensure_future(one()) for _ in range(case.repeat)]
        done, late = await asyncio.wait(tasks, timeout=case.deadline)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        good = [task.result() for task in done if task.exception() is None]
        return good, case.repeat - len(good)

    def _call(self, case: Case) -> float:
        begun = time.perf_counter()
        if case.call in ("send", "trim"):
            self._subject.send() if case.call == "send" else self._subject.trim()
            return time.perf_counter() - begun
        first, count = 0.0, 0
        for _ in self._subject.structured() if case.call == "structured" else self._subject.stream():
            count += 1
            first = first or time.perf_counter() - begun
        if case.call == "stream":
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

    def _marks(self, case: Case) -> Figures:
        """CPU time per chunk from one mark to the next within one stream, as far as the deadline lets it come."""
        figures: Figures = {}
        last, begun = 1, time.perf_counter()
        cpu = time.process_time()
        for count, _ in enumerate(self._subject.stream(), 1):
            if count == 1:
                cpu = time.process_time()  # what the call itself takes is another row
            elif count in _MARKS:
                now = time.process_time()
                figures[f"us at {count}"] = (now - cpu) / (count - last) * 1e6
                cpu, last = now, count
                if time.perf_counter() - begun > case.deadline:
                    break
        return figures


def _check(case: Case, count: int) -> None:
    """Nobody is fast by leaving something out."""
    if count < case.chunks:
        raise AssertionError(f"{case.name}: {count} of {case.chunks} chunks arrived")


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
        except Unable as reason:
            figures = {"error": str(reason)}
        except Exception as error:  # noqa: BLE001 - a peer that cannot do it is a result, too
            figures = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(figures), file=out, flush=True)


if __name__ == "__main__":
    main()
