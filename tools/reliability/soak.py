"""Many calls at once over few objects, one attempt in ten faulty; each call must end as its plan says.

    python -m tools.reliability.soak --n 200000 [--at-once 32]

The server is a process of its own. Calls go round all entry points of `ChatOxen` and `Oxen`: sync
(threads) and async, sent and streamed. The last line is JSON; the status is 1 unless lost, mixed,
cut, duplicated and otherwise surprising are all 0 and no connection, task or thread is left.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Any
from urllib.request import urlopen

from _oxen_transport.errors import OxenError
from _oxen_transport.testing import Server
from tools.reliability.figures import open_files, open_sockets
from tools.reliability.plan import RETRIES, Behaviour, answer_to, expected, prompt_of
from tools.support.entry_points import EntryPoint, LangChain, LlamaIndex, entry_points

ENTRY_POINTS = entry_points(LangChain, LlamaIndex)
LOST_SECONDS = 60.0
Tick = Callable[[], object]


def serve(pipe: Pipe) -> None:
    """Be the server, until the other end of the pipe says so."""
    with Server() as server:
        pipe.send(server.stage(Behaviour()).url)
        pipe.recv()


@contextmanager
def server_process() -> Iterator[str]:
    """A server in a process of its own; gives its base URL."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(10)


class Soak:
    """One run: asks, judges each outcome at once, counts."""

    def __init__(self, url: str, tick: Tick = lambda: None) -> None:
        self.counts: Counter[str] = Counter()
        self.surprises: list[str] = []
        self._tick, self._url = tick, url
        # one object per entry point: that they are shared by all calls is what is under test
        self._models = {api: api.make(url, timeout=30.0, max_retries=RETRIES) for api in ENTRY_POINTS}
        self._lock = threading.Lock()

    def run(self, count: int, at_once: int) -> None:
        """All calls: the sync ones in threads, the async ones in one loop, both at the same time."""
        numbers = range(count)
        sync = [n for n in numbers if not ENTRY_POINTS[n % len(ENTRY_POINTS)].is_async]
        rest = [n for n in numbers if ENTRY_POINTS[n % len(ENTRY_POINTS)].is_async]
        loop = threading.Thread(target=lambda: asyncio.run(self._async(rest, at_once // 2)))
        loop.start()
        with ThreadPoolExecutor(at_once // 2) as pool:
            for _ in pool.map(self._sync_one, sync, chunksize=16):
                pass
        loop.join()

    async def _async(self, numbers: list[int], at_once: int) -> None:
        queue = iter(numbers)

        async def worker() -> None:
            for number in queue:
                await self._async_one(number)

        await asyncio.gather(*(worker() for _ in range(at_once)))
        self.counts["tasks left"] = len(asyncio.all_tasks()) - 1

    def _sync_one(self, number: int) -> None:
        api = ENTRY_POINTS[number % len(ENTRY_POINTS)]
        began = time.monotonic()
        try:
            outcome: Any = api.ask(self._models[api], prompt_of(number)).text
        except Exception as error:  # noqa: BLE001 - judged
            outcome = error
        self._judge(number, api, outcome if time.monotonic() - began < LOST_SECONDS else TimeoutError("lost"))

    async def _async_one(self, number: int) -> None:
        api = ENTRY_POINTS[number % len(ENTRY_POINTS)]
        asking = asyncio.create_task(api.ask_async(self._models[api], prompt_of(number)))
        done, _ = await asyncio.wait([asking], timeout=LOST_SECONDS)
        if not done:
            asking.cancel()
            self._judge(number, api, TimeoutError("lost"))
            return
        self._judge(number, api, asking.exception() or asking.result().text)

    def _judge(self, number: int, api: EntryPoint, outcome: Any) -> None:
        due = expected(number, api.streams)
        verdict = self._verdict(number, due.error, outcome)
        with self._lock:
            self.counts[verdict] += 1
            self._tick()
            if verdict not in ("right", "typed error") and len(self.surprises) < 20:
                self.surprises.append(f"{api} {prompt_of(number)}: {verdict}: {outcome!r}, due {due}")

    @staticmethod
    def _verdict(number: int, due: type[OxenError] | None, outcome: Any) -> str:
        if isinstance(outcome, str):
            right = answer_to(prompt_of(number))
            if outcome == right:
                return "right" if due is None else "right, where an error was due"
            return "cut" if right.startswith(outcome) else "mixed"
        if isinstance(outcome, TimeoutError) and str(outcome) == "lost":
            return "lost"
        if due is not None and isinstance(outcome, due):
            return "typed error"
        return "another error" if isinstance(outcome, OxenError) else "untyped error"

    def server_counts(self, count: int) -> None:
        """What the server saw: whole answers twice, requests more or fewer than the plan has."""
        with urlopen(f"{self._url}/counts", timeout=30) as reply:  # noqa: S310 - loopback
            seen = json.load(reply)
        for number in range(count):
            self.counts["duplicated"] += seen["answers"].get(prompt_of(number), 0) > 1
            due = expected(number, ENTRY_POINTS[number % len(ENTRY_POINTS)].streams).attempts
            took = seen["requests"].get(prompt_of(number), 0)
            self.counts["requests"] += took
            self.counts["too many requests"] += took > due
            self.counts["too few requests"] += took < due


BAD = (
    *("lost", "mixed", "cut", "duplicated", "right, where an error was due", "another error", "untyped error"),
    *("too many requests", "too few requests", "tasks left", "sockets left", "files left", "threads left"),
)


def soak(count: int, at_once: int = 32, tick: Tick = lambda: None) -> tuple[Counter[str], list[str]]:
    """Run it. Returns the counts, of which those in `BAD` must be 0, and the first surprises."""
    with server_process() as url:
        for api in ENTRY_POINTS:  # what imports, pools and libraries open once is no leak
            api.ask(api.make(url), prompt_of(OK_NUMBER))
        gc.collect()
        sockets, files, threads = open_sockets(), open_files(), threading.active_count()
        run = Soak(url, tick)
        run.run(count, at_once)
        run.server_counts(count)
        for api in ENTRY_POINTS:
            if not api.is_async and hasattr(run._models[api], "close"):
                run._models[api].close()
        gc.collect()
        run.counts["sockets left"] = max(0, open_sockets() - sockets)
        run.counts["files left"] = max(0, open_files() - files)
        run.counts["threads left"] = max(0, threading.active_count() - threads)
    return run.counts, run.surprises


OK_NUMBER = next(n for n in range(9_000_000, 9_999_999) if not expected(n, True).error and not expected(n, False).error)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=3_000, help="calls (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=32)
    options = parser.parse_args()

    from tqdm import tqdm

    began = time.monotonic()
    with tqdm(total=options.n, unit=" calls", mininterval=1) as bar:
        counts, surprises = soak(options.n, options.at_once, bar.update)
    for line in surprises:
        print(line, file=sys.stderr)
    seconds = time.monotonic() - began
    summary: dict[str, Any] = {"calls": options.n, "right": counts["right"], "typed error": counts["typed error"]}
    summary |= {name: counts[name] for name in (*BAD, "requests")}
    print(json.dumps({**summary, "seconds": round(seconds, 1), "calls_per_second": round(options.n / seconds)}))
    return 1 if any(counts[name] for name in BAD) or counts["right"] + counts["typed error"] != options.n else 0


if __name__ == "__main__":
    sys.exit(main())
