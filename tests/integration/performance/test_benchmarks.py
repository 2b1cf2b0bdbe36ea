"""The benchmarks measure what they say: in small, with subjects that need no peer installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import docs, peers, report
from benchmarks.cases import BEFORE, CASES, FLOORS, GROWTH, LANGCHAIN, LLAMA_INDEX, OURS, Case
from benchmarks.figures import Spread, exponent, ratio
from benchmarks.goals import GOALS, behind, judged, unexplained
from benchmarks.processes import ROOT, Workers, server
from benchmarks.rounds import COMPARED, COUNTED, Rounds, joined, plan

SMALL = (
    Case("send", "answer", "send", 2, history=3, tools=2),
    Case("asend", "answer", "asend", 4, at_once=2),
    Case("asend, TLS", "answer", "asend", 2, tls=True),
    Case("stream", "text-20", "stream"),
    Case("tool", "tool-20", "astream"),
    Case("paced", "text-5-1", "astream", 3, at_once=3),
    Case("paced, uvloop", "text-5-1", "astream", 3, at_once=3, uvloop=True),
    Case("threads", "answer-1", "batch", 4, at_once=2),
    Case("app", "text-5-1", "app", 3, at_once=3),
)
OURS_ONLY = (
    Case("structured", "structured-20", "structured"),
    Case("trim", "answer", "trim", history=40),
    Case("marks", "text-1000", "marks"),
)
ASYNC = ("asend", "astream", "app")
SYNC = ("send", "stream", "batch")


def test_every_subject_of_ours_takes_part_in_every_kind_of_case() -> None:
    with server() as address:
        workers = Workers(address)
        try:
            for name in (*OURS, *FLOORS):
                left_out = {"httpx": ASYNC, "aiohttp": SYNC}.get(name, ())
                cases = [case for case in SMALL if case.call not in left_out]
                cases += [case for case in OURS_ONLY if name in OURS and (case.call != "trim" or name == "ChatOxen")]
                for case in cases:
                    found = workers.measure(name, case)
                    assert found.get("us", found.get("us at 1000", 0)) > 0, (name, case.name, found)
                    assert not found.get("failed"), (name, case.name)
            for name in OURS:
                counted = workers.measure(name, replace(SMALL[3], name="counted"), profiled=True)
                assert counted["calls"] > 1
                assert counted["part of ours"] > 0
        finally:
            workers.close()


def rounds(ours: float, peer: float) -> Rounds:
    return {"invoke": {"ChatOxen": [{"us": ours}, {"us": ours}], "ChatOpenAI": [{"us": peer}, {"us": 2 * peer}]}}


def test_ratios_are_taken_round_by_round() -> None:
    assert ratio(rounds(2, 6), "invoke", ["ChatOpenAI"], ["ChatOxen"]) == Spread(4.5, 3, 6)
    assert ratio(rounds(2, 6), "ainvoke", ["ChatOpenAI"], ["ChatOxen"]) is None


def test_the_rounds_of_two_runs_stay_side_by_side() -> None:
    first = rounds(1, 3)
    first["invoke"]["ChatOpenAI"].pop()  # it took part in the first round only
    both = joined([first, rounds(10, 40)])
    assert both["invoke"]["ChatOpenAI"] == [{"us": 3}, {}, {"us": 40}, {"us": 80}]
    assert ratio(both, "invoke", ["ChatOpenAI"], ["ChatOxen"]) == Spread(4, 3, 8)


@pytest.mark.parametrize(("peer", "word"), [(1, "missed"), (2.5, "must"), (9, "moonshot")])
def test_a_goal_is_judged_by_its_limits(peer: float, word: str) -> None:
    judgements = {goal.name: reached for goal, _, reached in judged(rounds(1, peer))}
    assert judgements["invoke: ChatOpenAI / ChatOxen"] == word


def test_a_failed_call_counts_for_nobody() -> None:
    broken = rounds(1, 9)
    broken["invoke"]["ChatOpenAI"][0]["failed"] = 1
    assert ratio(broken, "invoke", ["ChatOpenAI"], ["ChatOxen"]) == Spread(18, 18, 18)


def test_a_row_in_which_a_peer_is_cheaper_is_named_with_a_profile() -> None:
    slower = rounds(10, 4)
    assert [(case, peer) for case, _, peer, _ in behind(slower)] == [("invoke", "ChatOpenAI")]
    assert unexplained(slower) == [("invoke", "ChatOxen")]
    slower["invoke"]["ChatOxen"].append({"calls": 9, "part of ours": 0.6, "part of httpcore": 0.4})
    assert unexplained(slower) == []
    document = report.document(slower, "here")
    assert "* invoke: ChatOpenAI / ChatOxen 0.6 (0.4..0.8); the time of ChatOxen: ours 60%, httpcore 40%" in document
    assert "**missed** | ours 60%, httpcore 40% |" in document
    assert "**missed** | invoke: ChatOpenAI |" in document


@pytest.mark.parametrize(
    ("points", "power"),
    [([(10, 2.0), (100, 2.0)], 1.0), ([(10, 2.0), (100, 20.0)], 2.0), ([(90, 2.0), (100, 20.0)], None), ([], None)],
)
def test_growth_is_the_exponent_of_the_whole(points: list[tuple[int, float]], power: float | None) -> None:
    assert exponent(points) == (None if power is None else pytest.approx(power))


def test_a_miss_of_growth_or_import_has_its_reason_computed() -> None:
    found: Rounds = {
        f"growth: {at} in flight": {"ChatOxen": [{"us": us, "us without gc": 100.0}]}
        for at, us in (("100", 100.0), ("1,000", 200.0))
    }
    found["start"] = {"ChatOxen": [{"modules": 99, "modules of httpx": 90, "modules of Python's own": 9}]}
    missed = {goal.name: goal.why(found) for goal, _, word in judged(found) if word == "missed"}
    assert missed == {
        "growth with calls in flight, exponent (1 is linear): ChatOxen": (
            "Python's garbage collector takes 50% of a call with 1,000; exponent without it: 1.00"
        ),
        "modules over langchain_core": "modules: httpx 90, Python's own 9",
    }


def test_who_cannot_do_what_is_measured_is_named_in_one_line() -> None:
    unable: Any = [{"error": "needs a download"}]
    document = report.document({"invoke": {"ChatOxen": [], "ChatOpenAI": unable, "ChatMistralAI": unable}}, "here")
    assert "* invoke: ChatOpenAI, ChatMistralAI: needs a download\n" in document


def everything() -> Rounds:
    """One round of all that there is, each figure 1."""
    found: dict[str, Any] = dict.fromkeys(("us", "calls", "first_us", "peak_mb", "stream_kb"), 1.0) | {"failed": 0}
    rows = {case.name: {name: [found] for name in (*case.subjects, *BEFORE.values())} for case in (*CASES, *GROWTH)}
    rows["growth: chunks"] = {name: [{"us at 1000": 1.0, "us at 20000": 3.0}] for name in OURS}
    keys = ("import_percent", "modules", "cold_ms", "cold_sync_ms", "first_ms", "next_ms", "instance_kb", "peak_mb")
    rows["start"] = {name: [dict.fromkeys(keys, 1.0)] for name in (*LANGCHAIN, *LLAMA_INDEX, *FLOORS)}
    return rows


def test_every_goal_names_a_case_and_a_subject_that_exist() -> None:
    assert {goal.name for goal, _, _ in judged(everything())} == {goal.name for goal in GOALS}
    names = {case.name for case in CASES}
    assert names.issuperset(COUNTED)
    assert names.issuperset(COMPARED)


def test_the_docs_keep_what_people_wrote(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `benchmarks` brings it")
    (tmp_path / "docs").mkdir()
    pages = {
        "README.md": f"before\n{docs.README_BEGIN}\nold\n{docs.README_END}\nafter\n",
        "docs/scale.md": f"before\n{docs.SCALE_BEGIN}\nold\n{docs.SCALE_END}\nafter\n",
        "docs/benchmarks.md": f"old\n{docs.LEFT_BEGIN}\nafter\n{docs.LEFT_END}\n",
    }
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    for _ in range(2):
        docs.write(tmp_path, everything(), "a machine")
    written = {name: (tmp_path / name).read_text() for name in pages}
    for text in written.values():
        assert "old" not in text
        assert text.count("after") == 1
    assert "ChatOpenAI, a call among 100 in flight: 1" in written["README.md"]
    assert "| ChatOxen | 1 | 1 | 1 | 1 | 100,000 | 20,000 | 10,000 |" in written["docs/scale.md"]
    assert (
        "| chunks | ChatOxen | 1 (at 1,000) | 3 (at 20,000) | 1.37, faster than linear |"
        in written["docs/benchmarks.md"]
    )
    assert {path.name for path in (tmp_path / "docs").glob("*.svg")} == {docs.PLOT, docs.GROWTH}
    with pytest.raises(ValueError, match="there is no <!-- benchmarks -->"):
        docs.between("nothing", docs.README_BEGIN, docs.README_END, "new")


def test_rows_are_chosen_by_their_names() -> None:
    options: dict[str, Any] = {"quick": False, "rounds": 2, "growth": True, "baseline": True}
    chosen = plan(only=["ainvoke", "growth: chunks"], **options)
    assert [(case.name, count) for case, count in chosen] == [
        ("ainvoke", 2),
        ("ainvoke, TLS", 2),
        ("growth: chunks", 1),
    ]
    with_baseline, without, _ = (case.subjects for case, _ in chosen)
    assert with_baseline[:2] == ("ChatOxen", "ChatOxen before")
    assert not set(without) & set(BEFORE.values())


def test_the_baseline_is_a_folder_or_a_commit(tmp_path: Path) -> None:
    peers.take_baseline(str(ROOT), tmp_path, ROOT)
    assert (tmp_path / peers.BASELINE / "_oxen_transport" / "version.py").is_file()
    with pytest.raises(SystemExit, match="neither a folder nor a commit"):
        peers.take_baseline("no-such-commit", tmp_path, ROOT)
    assert not (tmp_path / peers.BASELINE).exists()
