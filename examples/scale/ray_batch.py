"""Thousands of prompts on many processes or machines: Ray Data does the spreading, the model travels.

    pip install 'oxen-integrations[langchain]' 'ray[data]' tqdm
    python -m examples.scale.ray_batch --simulate --count 2000

A `ChatOxen` is pickled to the workers without its key; each reads OXEN_API_KEY of its own. One
actor holds the rate limiter of all of them. If a worker dies, Ray gives its batch to another, which asks
only what the results do not hold yet.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from typing import Any

import ray
from langchain_core.rate_limiters import BaseRateLimiter
from tqdm import tqdm

from examples.scale.job import Results, prompts
from langchain_oxen import ChatOxen, OxenRateLimiter


@ray.remote
class Limiter:
    """The one rate limiter of all workers."""

    def __init__(self, requests_per_minute: float | None) -> None:
        self._limiter = OxenRateLimiter(requests_per_minute)

    def wait(self) -> float:
        """Seconds until the caller's turn."""
        return self._limiter.reserve().wait


class SharedLimiter(BaseRateLimiter):
    """Waits as the actor says: what a model takes as `rate_limiter`."""

    def __init__(self, limiter: Any) -> None:
        self._limiter = limiter

    def acquire(self, *, blocking: bool = True) -> bool:
        time.sleep(ray.get(self._limiter.wait.remote()))
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        await asyncio.sleep(await self._limiter.wait.remote())
        return True


class Answers:
    """What each worker does with a batch."""

    def __init__(self, model: ChatOxen, limiter: Any, folder: str, at_once: int = 50) -> None:
        self._model = model.model_copy(update={"rate_limiter": SharedLimiter(limiter)})
        self._results, self._at_once = Results(folder), at_once

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        items = [{"id": int(i), "prompt": str(p)} for i, p in zip(batch["id"], batch["prompt"], strict=True)]
        missing = self._results.missing(items)
        failed = asyncio.run(self._ask(missing)) if missing else 0
        return {"worker": [os.getpid()], "asked": [len(items)], "failed": [failed]}

    async def _ask(self, items: list[dict[str, Any]]) -> int:
        failed = 0
        config: Any = {"max_concurrency": self._at_once}
        questions = [item["prompt"] for item in items]
        async for place, answer in self._model.abatch_as_completed(questions, config, return_exceptions=True):
            if isinstance(answer, Exception):
                failed += 1  # stays missing: the next run asks again
            else:
                self._results.add(items[place], answer.text)
        return failed


def run(url: str, folder: str, count: int, per_minute: float | None = None, workers: int = 2) -> int:
    """The whole job. Returns how many prompts are still missing."""
    results = Results(folder)
    items = results.missing(prompts(count))
    model, limiter = ChatOxen(base_url=url, max_retries=8), Limiter.options(num_cpus=0).remote(per_minute)
    if items:
        done = ray.data.from_items(items).map_batches(
            Answers,
            fn_constructor_args=(model, limiter, str(results.folder.absolute())),
            batch_size=100,
            concurrency=workers,
        )
        with tqdm(total=count, initial=count - len(items), unit="prompt") as bar:
            for row in done.iter_rows():
                bar.update(row["asked"] - row["failed"])
    return len(results.missing(prompts(count)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="results/ray-batch")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--base-url", default="https://hub.oxen.ai/api/ai")
    parser.add_argument("--per-minute", type=float, help="the limit, if you know it")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--address", help="of a cluster that runs; without it, one on this machine")
    parser.add_argument("--simulate", action="store_true", help="against a server of our own, with 429s")
    options = parser.parse_args()
    ray.init(options.address, num_cpus=None if options.address else options.workers, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    if not options.simulate:
        missing = run(options.base_url, options.folder, options.count, options.per_minute, options.workers)
        print(missing, "missing")
        return
    from examples.scale.simulated import simulated

    with simulated() as server:
        missing = run(server.url, options.folder, options.count, 60 * 180, options.workers)
    print(f"{missing} missing, {server.refused} refused, {len(server.answered)} answered, {server.twice} of them twice")


if __name__ == "__main__":
    main()
