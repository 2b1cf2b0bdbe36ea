"""The benchmarks measure what they say: in small, with subjects that need no peer installed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import report
from benchmarks.cases import CASES, FLOORS, Case
from benchmarks.goals import GOALS, Spread, judged, ratio
from benchmarks.processes import Workers, server

CASE = {case.name: case for case in CASES}
SMALL = (
    Case("send", "answer", "send", 2, history=3, tools=2),
    Case("asend", "answer", "asend", 4, at_once=2),
    Case("stream", "text-20", "stream"),
    Case("tool", "tool-20", "astream"),
    Case("paced", "text-5-1", "astream", 3, at_once=3),
)


def test_every_subject_of_ours_takes_part_in_every_kind_of_case() -> None:
    with server() as address:
        workers = Workers(address)
        try:
            for name in ("ChatOxen", "Oxen", *FLOORS):
                for case in SMALL:
                    figures = workers.measure(name, case)
                    assert figures.get("us", 0) > 0, (name, case.name, figures)
                    assert figures["failed"] == 0
                calls = workers.measure(name, replace(SMALL[2], name="counted"), profiled=True)["calls"]
                assert calls > 1
        finally:
            workers.close()


def rounds(ours: float, peer: float) -> dict[str, dict[str, list[dict[str, float]]]]:
    return {"invoke": {"ChatOxen": [{"us": ours}, {"us": ours}], "ChatOpenAI": [{"us": peer}, {"us": 2 * peer}]}}


def test_ratios_are_taken_round_by_round() -> None:
    assert ratio(rounds(2, 6), "invoke", ["ChatOpenAI"], ["ChatOxen"]) == Spread(4.5, 3, 6)
    assert ratio(rounds(2, 6), "ainvoke", ["ChatOpenAI"], ["ChatOxen"]) is None


@pytest.mark.parametrize(("peer", "word"), [(1, "missed"), (2.5, "must"), (9, "moonshot")])
def test_a_goal_is_judged_by_its_limits(peer: float, word: str) -> None:
    judgements = {goal.name: reached for goal, _, reached in judged(rounds(1, peer))}
    assert judgements["invoke: ChatOpenAI / ours"] == word


def test_a_failed_call_counts_for_nobody() -> None:
    broken = rounds(1, 9)
    broken["invoke"]["ChatOpenAI"][0]["failed"] = 1
    assert ratio(broken, "invoke", ["ChatOpenAI"], ["ChatOxen"]) == Spread(18, 18, 18)


def test_the_readme_keeps_what_is_not_the_table() -> None:
    text = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    written = report.into_readme(text, rounds(1, 9))
    assert written.startswith(f"before\n{report.BEGIN}\n")
    assert written.endswith(f"{report.END}\nafter\n")
    assert "old" not in written
    assert report.PLOT in written
    assert "ChatOpenAI, a stream of 2,000 chunks: " in report.into_readme(
        text, {"stream 2,000": rounds(1, 9)["invoke"]}
    )
    with pytest.raises(ValueError, match="README has no"):
        report.into_readme("nothing", rounds(1, 9))


def test_every_goal_names_a_case_and_a_subject_that_exist() -> None:
    figures = {"us": 1.0, "calls": 1.0, "first_us": 1.0, "peak_mb": 1.0, "failed": 0}
    everything = {case.name: {name: [figures] for name in case.subjects} for case in CASES}
    start = {"import_percent": 1.0, "modules": 1, "cold_ms": 1.0, "next_ms": 1.0, "instance_kb": 1.0}
    everything["start"] = {name: [start] for name in ("ChatOxen", "ChatOpenAI", "Oxen", *FLOORS)}  # type: ignore[dict-item]
    # one row counts failures, and a row without failures has the figure 0
    assert {goal.name for goal, _, _ in judged(everything)} == {goal.name for goal in GOALS}
