"""Tool calls and their results: each call with one result, directly after it, both under one id."""

from __future__ import annotations

import re

from _oxen_transport.families import Family
from _oxen_transport.request.rules import Report
from _oxen_transport.request.turns import Call, Turn, join
from _oxen_transport.tools.ids import fresh_id, wire_id
from _oxen_transport.tools.names import wire_name

NO_RESULT = "(No result: this tool call was not answered.)"
"""The result of a call that has none."""


def paired(turns: list[Turn], family: Family, report: Report) -> list[Turn]:
    """Each call with one result, directly after it."""
    results: dict[Turn, list[Turn]] = {}
    callers: list[Turn] = []
    rest: list[Turn] = []
    for turn in turns:
        if turn.role != "tool":
            rest.append(turn)
            if turn.calls:
                callers.append(turn)
                results[turn] = []
            continue
        caller, call = _find_call(turn, callers, results)
        if caller is None or call is None:
            report.note("orphan-result", turn.at)
            _demote(turn)
            rest.append(turn)
            continue
        earlier = next((result for result in results[caller] if result.answers is call), None)
        if earlier is not None:
            report.note("duplicate-result", turn.at)
            if earlier.content != turn.content:
                earlier.content = join(earlier.content, turn.content)
            continue
        if rest[-1] is not caller:
            report.note("result-place", turn.at)
        turn.answers = call
        if turn.name and family.function_name and not re.fullmatch(family.function_name, turn.name):
            report.note("name", turn.at)  # the call has the name that counts
            turn.name = None
        results[caller].append(turn)
    return [each for turn in rest for each in (turn, *_answered(turn, results.get(turn, []), report))]


def _find_call(result: Turn, callers: list[Turn], results: dict[Turn, list[Turn]]) -> tuple[Turn | None, Call | None]:
    """The call a result answers: by id, the latest that is still open first (ids may come again).

    A result without an id (OpenAI's old `function` role) goes by its name, or else to the latest
    open call.
    """
    answered: tuple[Turn | None, Call | None] = (None, None)
    for caller in reversed(callers):
        done = [other.answers for other in results[caller]]
        for call in caller.calls:
            if _may_answer(result, call) and call not in done:
                return caller, call
            if answered[1] is None and result.foreign_id and _may_answer(result, call):
                answered = (caller, call)
    return answered


def _may_answer(result: Turn, call: Call) -> bool:
    if result.foreign_id:
        return call.foreign_id == result.foreign_id
    return not result.name or call.name in (result.name, wire_name(result.name))


def _answered(caller: Turn, results: list[Turn], report: Report) -> list[Turn]:
    """The results of one message's calls, with one that says so for each call that has none."""
    done = [result.answers for result in results]
    missing = [call for call in caller.calls if call not in done]
    for _ in missing:
        report.note("missing-result", caller.at)
    return [*results, *(Turn(caller.at, "tool", NO_RESULT, answers=call) for call in missing)]


def set_ids(turns: list[Turn], family: Family, report: Report) -> None:
    """Give every call the id it will be sent with; its result refers to the call, so pairs are kept.

    An id is derived from the foreign one alone, so it is the same in every turn and process. Only an
    id that was used before in this conversation is derived anew, with a count.
    """
    taken: set[str] = set()
    for turn in turns:
        if not family.tool_call_id:
            taken = set()  # others only need them apart within one message
        for place, call in enumerate(turn.calls):
            call.id = _own_id(call, place, family, taken)
            taken.add(call.id)
            if call.id != call.foreign_id:
                report.note("tool-id", turn.at)


def _own_id(call: Call, place: int, family: Family, taken: set[str]) -> str:
    kept = call.foreign_id and (not family.tool_call_id or re.fullmatch(family.tool_call_id, call.foreign_id))
    seed = call.foreign_id or f"{place}:{call.name}"
    wanted = call.foreign_id if kept else wire_id(seed) if call.foreign_id else fresh_id(seed)
    again = 1
    while wanted in taken:
        again += 1
        wanted = fresh_id(seed, str(again))
    return wanted


def calls_as_text(turns: list[Turn], report: Report) -> list[Turn]:
    """Calls and results as text, for a request without tools to a model that then refuses them."""
    for turn in turns:
        if turn.calls:
            report.note("calls-without-tools", turn.at)
            for call in turn.calls:
                turn.content = join(turn.content, f"(Called the tool {call.name} with {call.arguments})")
            turn.calls = []
        elif turn.role == "tool":
            report.note("calls-without-tools", turn.at)
            _demote(turn)
    return turns


def _demote(turn: Turn) -> None:
    """A tool's result as a user's message, as it may not stand alone."""
    label = f"Result of the tool {turn.name}:\n" if turn.name else "Result of a tool:\n"
    turn.content = join(label, turn.content, between="")
    turn.role, turn.name, turn.foreign_id = "user", None, ""
