"""What 100,000 calls leave behind: memory, sockets, files, threads, tasks, objects.

    python -m tools.reliability.leaks --n 100000

Each call is answered, refused, cut or reset in turn, through every entry point of `ChatOxen` and
`Oxen`. After a warm-up of a tenth, everything is measured, and again at the end. The last line is
JSON; the status is 1 if anything is left, or memory grew by more than 5 MiB per 100,000 calls.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from _oxen_transport.errors import OxenError
from tools.reliability.figures import open_files, open_sockets, resident_mib
from tools.reliability.plan import AGAIN, BROKEN, BROKEN_STREAM, plan, prompt_of
from tools.reliability.soak import server_process
from tools.support.entry_points import EntryPoint, LangChain, LlamaIndex, entry_points

MIB_PER_100_000 = 5.0
ENTRY_POINTS = entry_points(LangChain, LlamaIndex)
Tick = Callable[[int], object]


class Held(NamedTuple):
    """What the process holds."""

    mib: float
    objects: int
    sockets: int
    files: int
    threads: int
    tasks: int


def held(tasks: int = 0) -> Held:
    """Measure, after throwing away what is garbage."""
    for _ in range(3):
        gc.collect()
    objects = len(gc.get_objects())
    return Held(resident_mib(), objects, open_sockets(), open_files(), threading.active_count(), tasks)


def prompts(streams: bool) -> list[str]:
    """Eight good calls for each way to fail, in turn."""
    faults = [*AGAIN, *(BROKEN_STREAM if streams else BROKEN)]
    first = {fault: next(n for n in range(10**6) if plan(n, streams)[:2] == (fault, "ok")) for fault in faults}
    good = next(n for n in range(10**6) if plan(n, streams)[0] == "ok")
    return [prompt_of(number) for fault in faults for number in (first[fault], *[good] * 8)]


class Work:
    """Calls without end, some at a time, over one object per entry point."""

    def __init__(self, url: str, tick: Tick) -> None:
        self._models = {api: api.make(url, timeout=10.0, max_retries=1) for api in ENTRY_POINTS}
        self._prompts = {streams: prompts(streams) for streams in (False, True)}
        self._tick = tick

    def sync(self, count: int) -> None:
        """So many calls, one after the other, one entry point after the other."""
        apis = [api for api in ENTRY_POINTS if not api.is_async]
        for number in range(count):
            api = apis[number % len(apis)]
            with contextlib.suppress(OxenError):
                api.ask(self._models[api], self._prompt(api, number // len(apis)))
            self._tick(1)

    async def asynchronous(self, count: int) -> None:
        """So many calls, eight at a time."""
        apis = [api for api in ENTRY_POINTS if api.is_async]

        async def one(number: int) -> None:
            api = apis[number % len(apis)]
            with contextlib.suppress(OxenError):
                await api.ask_async(self._models[api], self._prompt(api, number // len(apis)))
            self._tick(1)

        for start in range(0, count, 8):
            await asyncio.gather(*(one(start + place) for place in range(min(8, count - start))))

    def _prompt(self, api: EntryPoint, number: int) -> str:
        made = self._prompts[api.streams]
        return made[number % len(made)]


async def _run(work: Work, count: int) -> tuple[Held, Held]:
    """Half sync, half async, in one process; the loop lives on, as in a service."""
    warm = max(count // 10, 600)
    for part in (warm, warm):  # the first touches every path, the second settles the allocator
        work.sync(part // 2)
        await work.asynchronous(part // 2)
    before = held(len(asyncio.all_tasks()))
    work.sync(count // 2)
    await work.asynchronous(count - count // 2)
    after = held(len(asyncio.all_tasks()))
    for _ in range(100):  # on a busy machine, what is being closed takes a moment
        if not any(left(before, after).values()):
            break
        await asyncio.sleep(0.1)
        after = held(len(asyncio.all_tasks()))
    return before, after


def leaks(count: int, tick: Tick = lambda done: None) -> tuple[Held, Held]:
    """What is held before and after so many calls."""
    with server_process() as url:
        return asyncio.run(_run(Work(url, tick), count))


def left(before: Held, after: Held) -> dict[str, int]:
    """What has become more, memory and objects aside. Pools may hold fewer connections than before."""
    names = ("sockets", "files", "threads", "tasks")
    return {name: max(0, getattr(after, name) - getattr(before, name)) for name in names}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000, help="calls (default: %(default)s)")
    options = parser.parse_args()

    from tqdm import tqdm

    began = time.monotonic()
    with tqdm(total=options.n + 2 * max(options.n // 10, 600), unit=" calls", mininterval=1) as bar:
        before, after = leaks(options.n, bar.update)
    per_100_000 = (after.mib - before.mib) * 100_000 / options.n
    summary: dict[str, Any] = {"calls": options.n, **{f"{name} left": n for name, n in left(before, after).items()}}
    summary |= {"objects left": after.objects - before.objects, "MiB before": round(before.mib, 1)}
    summary |= {"MiB after": round(after.mib, 1), "MiB per 100,000 calls": round(per_100_000, 2)}
    print(json.dumps({**summary, "seconds": round(time.monotonic() - began, 1)}))
    return 1 if any(left(before, after).values()) or per_100_000 > MIB_PER_100_000 else 0


if __name__ == "__main__":
    sys.exit(main())
