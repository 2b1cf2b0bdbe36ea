"""Tool calls and their results: each call with one result, directly after it, both under one id."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from _oxen_transport.families import Family
from _oxen_transport.request.rules import Report
from _oxen_transport.request.turns import Call, Turn, join
from _oxen_transport.tools.ids import fresh_id, wire_id
from _oxen_transport.tools.names import wire_name

NO_RESULT = "(No result: this tool call was not answered.)"
"""The result of a call that has none."""


def paired(turns: list[Turn], family: Family, report: Report) -> list[Turn]:
    """Each call with one result, directly after it."""
    _match(turns)
    results: dict[Call, Turn] = {}
    answers: dict[Turn, list[Turn]] = {}
    caller_of = {call: turn for turn in turns for call in turn.calls}
    rest: list[Turn] = []
    for turn in turns:
        if turn.role != "tool":
            rest.append(turn)
        elif turn.answers is None:
            report.note("orphan-result", turn.at)
            _demote(turn)
            rest.append(turn)
        elif earlier := results.get(turn.answers):
            report.note("duplicate-result", turn.at)
            if earlier.content != turn.content:
                earlier.content = join(earlier.content, turn.content)
        else:
            results[turn.answers] = turn
            caller = caller_of[turn.answers]
            answers.setdefault(caller, []).append(turn)
            if rest[-1] is not caller:
                report.note("result-place", turn.at)
            _set_name(turn, turn.answers, family, report)
    return [each for turn in rest for each in (turn, *answers.get(turn, ()), *_missing(turn, results, report))]


def _missing(caller: Turn, results: dict[Call, Turn], report: Report) -> Iterable[Turn]:
    """A result that says so for each call that has none."""
    for call in caller.calls:
        if call not in results:
            report.note("missing-result", caller.at)
            yield Turn(caller.at, "tool", NO_RESULT, answers=call)


def _set_name(result: Turn, call: Call, family: Family, report: Report) -> None:
    """The name of a result is that of its call, where it has or needs one."""
    if result.name is None and family.named_results:
        report.note("result-name", result.at)
        result.name = call.name
    if result.name is not None and result.name != call.name:
        report.note("name", result.at)
        result.name = call.name


# -- which result answers which call -------------------------------------------------------


def _match(turns: list[Turn]) -> None:
    """Find for each result the call before it that it answers: by id, then by name, then by place; the latest open one.

    A result with an id that no call has answers none: its call was cut out of the history.
    """
    answered: set[Call] = set()
    results = [turn for turn in turns if turn.role == "tool"]
    if any(turn.foreign_id for turn in results):
        _match_by_id(turns, answered)
    if any(turn.name and not turn.foreign_id for turn in results):
        _match_by_name(turns, answered)
    if not all(turn.name or turn.foreign_id for turn in results):
        _match_by_place(turns, answered)


def _match_by_id(turns: list[Turn], answered: set[Call]) -> None:
    calls = _OpenCalls(answered)
    for turn in turns:
        if turn.calls:
            calls.add({call: call.foreign_id for call in turn.calls})
        elif turn.role == "tool" and turn.foreign_id:
            turn.answers = calls.take(turn.foreign_id, turn.name) or calls.latest(turn.foreign_id, turn.name)


def _match_by_name(turns: list[Turn], answered: set[Call]) -> None:
    calls = _OpenCalls(answered)
    for turn in turns:
        if turn.calls:
            calls.add({call: call.name for call in turn.calls})
        elif turn.role == "tool" and not turn.foreign_id and turn.name:
            turn.answers = calls.take(turn.name) or calls.take(wire_name(turn.name))


def _match_by_place(turns: list[Turn], answered: set[Call]) -> None:
    calls = _OpenCalls(answered)
    for turn in turns:
        if turn.calls:
            calls.add(dict.fromkeys(turn.calls, ""))
        elif turn.role == "tool" and not turn.foreign_id and not turn.name:
            turn.answers = calls.take("")


class _OpenCalls:
    """Calls that have no result yet, by a key; those of the latest message first, in their order."""

    def __init__(self, answered: set[Call]) -> None:
        self._answered = answered
        self._open: defaultdict[str, list[list[Call]]] = defaultdict(list)
        self._latest: dict[str, list[Call]] = {}

    def add(self, keys: dict[Call, str]) -> None:
        """Add the calls of one message, each with its key."""
        groups: defaultdict[str, list[Call]] = defaultdict(list)
        for call, key in keys.items():
            groups[key].append(call)
        for key, group in groups.items():
            self._latest[key] = group
            self._open[key].append(group)

    def take(self, key: str, name: str | None = None) -> Call | None:
        """Answer the next open call, one of this name first."""
        groups = self._open[key]
        while groups:
            left = [call for call in groups[-1] if call not in self._answered]
            if left:
                found = _named(left, name)
                self._answered.add(found)
                return found
            groups.pop()
        return None

    def latest(self, key: str, name: str | None) -> Call | None:
        """The call that a second result repeats."""
        return _named(self._latest[key], name) if key in self._latest else None


def _named(calls: list[Call], name: str | None) -> Call:
    names = (name, wire_name(name)) if name else ()
    return next((call for call in calls if call.name in names), calls[0])


# -- ids -----------------------------------------------------------------------------------


def set_ids(turns: list[Turn], family: Family, report: Report) -> None:
    """Give every call the id it will be sent with; its result refers to the call, so pairs are kept.

    It is derived from the foreign id alone, the same in every turn and process; one used before gets a count.
    """
    taken: set[str] = set()
    times: dict[str, int] = {}
    for turn in turns:
        if not family.tool_call_id:
            taken, times = set(), {}  # others only need them apart within one message
        for place, call in enumerate(turn.calls):
            call.id = _own_id(call, place, family, taken, times)
            taken.add(call.id)
            if call.id != call.foreign_id:
                report.note("tool-id", turn.at)


def _own_id(call: Call, place: int, family: Family, taken: set[str], times: dict[str, int]) -> str:
    kept = call.foreign_id and (not family.tool_call_id or re.fullmatch(family.tool_call_id, call.foreign_id))
    seed = call.foreign_id or f"{place}:{call.name}"
    wanted = call.foreign_id if kept else wire_id(seed) if call.foreign_id else fresh_id(seed)
    while wanted in taken:
        times[seed] = times.get(seed, 1) + 1
        wanted = fresh_id(seed, str(times[seed]))
    return wanted


# -- as text -------------------------------------------------------------------------------


def calls_as_text(turns: list[Turn], report: Report) -> list[Turn]:
    """Calls and results as text, for a request without tools to a model that then refuses them."""
    _match(turns)
    for turn in turns:
        if turn.calls:
            report.note("calls-without-tools", turn.at)
            for call in turn.calls:
                turn.content = join(turn.content, f"(Called the tool {call.name} with {call.arguments})")
            turn.calls = []
            turn.extra.pop("reasoning_content", None)  # it goes with calls only
        elif turn.role == "tool":
            report.note("calls-without-tools", turn.at)
            turn.name = turn.name or (turn.answers.name if turn.answers else None)
            _demote(turn)
    return turns


def _demote(turn: Turn) -> None:
    """A tool's result as a user's message, as it may not stand alone."""
    label = f"Result of the tool {turn.name}:\n" if turn.name else "Result of a tool:\n"
    turn.content = join(label, turn.content, between="")
    turn.role, turn.name, turn.foreign_id, turn.answers = "user", None, "", None
