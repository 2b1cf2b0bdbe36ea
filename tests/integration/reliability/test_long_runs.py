"""The short versions of the long runs: `soak` (200,000 calls on demand) and `leaks` (100,000)."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tools.reliability.leaks import leaks, left
from tools.reliability.plan import FAULTY, expected, plan
from tools.reliability.soak import BAD, soak

CALLS = 1_500


def test_soak() -> None:
    counts, surprises = soak(CALLS)
    assert not surprises, "\n".join(surprises)
    assert {name: counts[name] for name in BAD} == dict.fromkeys(BAD, 0)
    assert counts["right"] + counts["typed error"] == CALLS
    assert counts["typed error"] >= CALLS // 50, "the server was too kind"


def test_the_plan_is_as_faulty_as_it_says() -> None:
    attempts = [fault for number in range(3000) for fault in plan(number, number % 2 == 0)]
    assert abs(sum(fault != "ok" for fault in attempts) / len(attempts) - FAULTY) < 0.02
    ends = {expected(number, streams).error for number in range(30_000) for streams in (False, True)}
    assert len(ends) == 9, "every error class of the plan is reached, and the right answer"
    assert {expected(number, True).attempts for number in range(3000)} == {1, 2, 3}


def test_leaks() -> None:
    """An object per call that is not let go would show as 1,000 of them, two kilobytes per call as 2 MiB."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # other tests' sockets are none of its business
        before, after = pool.submit(leaks, 1_000).result()
    assert not any(left(before, after).values()), f"{before} -> {after}"
    assert after.objects - before.objects < 500, f"{before} -> {after}"
    assert after.mib - before.mib < 2.0, f"{before} -> {after}"
