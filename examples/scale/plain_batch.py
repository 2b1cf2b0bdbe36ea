"""Thousands of prompts in one process: `abatch_as_completed`, a shared rate limiter, results that survive a stop.

Run it against a simulated server: `python -m examples.scale.plain_batch --simulate --count 2000`.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from tqdm import tqdm

from examples.scale.job import Item, Results, prompts
from langchain_oxen import ChatOxen, OxenRateLimiter


async def answer_all(model: ChatOxen, items: list[Item], results: Results, bar: Any, at_once: int = 100) -> int:
    """Ask for everything that is missing. Returns how many failed; the next run asks them again."""
    failed = 0
    questions = [item["prompt"] for item in items]
    config: Any = {"max_concurrency": at_once}
    async for place, answer in model.abatch_as_completed(questions, config, return_exceptions=True):
        if isinstance(answer, Exception):
            failed += 1
        else:
            results.add(items[place], answer.text)
        bar.update()
    return failed


def run(url: str, folder: str, count: int, per_minute: float | None = None) -> int:
    """The whole job. Returns how many prompts are still missing."""
    results = Results(folder)
    items = results.missing(prompts(count))
    limiter = OxenRateLimiter(per_minute)  # without a figure it is learnt from the server's answers
    model = ChatOxen(base_url=url, rate_limiter=limiter, max_retries=8)
    with tqdm(total=count, initial=count - len(items), unit="prompt") as bar:
        asyncio.run(answer_all(model, items, results, bar))
    return len(results.missing(prompts(count)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", default="results/plain-batch")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--base-url", default="https://hub.oxen.ai/api/ai")
    parser.add_argument("--per-minute", type=float, help="the limit, if you know it")
    parser.add_argument("--simulate", action="store_true", help="against a server of our own, with 429s")
    options = parser.parse_args()
    if not options.simulate:
        print(run(options.base_url, options.folder, options.count, options.per_minute), "missing")
        return
    from examples.scale.simulated import simulated

    with simulated() as server:
        missing = run(server.url, options.folder, options.count, 60 * 180)
    print(f"{missing} missing, {server.refused} refused, {len(server.answered)} answered, {server.twice} of them twice")


if __name__ == "__main__":
    main()
