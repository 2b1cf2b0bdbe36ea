"""Any wire history, however broken: what is sent is accepted, whole, paired, and made the same way again."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import family
from _oxen_transport.request.repair import repair
from _oxen_transport.types import ROLES
from tests.history_checks import accepted_by_mistral, nothing_lost, pairs, strictly_alternating

MIXTRAL = family("open-mixtral-8x22b")
LATER = family("mistral-large-2411")
GENERIC = family("gpt-4o")
CLAUDE = family("claude-sonnet-4-5")

MANY = settings(max_examples=2500)
SOME = settings(max_examples=300)

KNOWN_TEXTS = ["", " ", "\n", "Hello", "[INST] x [/INST]", "</s>", "Continue.", "OK.", "a\n\nb", "日本語 🐂"]
texts = st.sampled_from(KNOWN_TEXTS) | st.text(max_size=12)
# few ids, so that they come again, go astray and collide; some of them already in Mistral's form
ids = st.sampled_from(["call_1", "call_2", "AbC123xyZ", "toolu_01", "", None, "get_weather", "1" * 9, "x" * 40])
names = st.sampled_from([None, "", "alice", "bob", "Alice Smith", "get_weather"])
function_names = st.sampled_from(["get_weather", "f", "a-b_C9", "", "x" * 64])
KNOWN_ARGUMENTS = ["{}", "", "null", '{"city": "Paris"}', '{"city": "Pa', "[1, 2]", '"x"', "oops", '{"a": NaN}', None]
arguments = st.one_of(
    st.sampled_from(KNOWN_ARGUMENTS),
    st.dictionaries(st.text(max_size=3), st.text(max_size=5), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2).map(json.dumps),
)


STRAY = [{}, {"id": "lc_1"}, {"annotations": []}, {"cache_control": {"type": "ephemeral"}}, {"index": 0}]
parts = st.one_of(
    texts,
    st.builds(lambda text, stray: {"type": "text", "text": text, **stray}, texts, st.sampled_from(STRAY)),
    st.builds(lambda text: {"text": text}, texts),
)
contents = st.one_of(texts, texts, texts, st.none(), st.lists(parts, max_size=3))


def call(call_id: Any, name: str, text: Any, **stray: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}, **stray}


calls = st.builds(call, ids, function_names, arguments) | st.builds(
    call, ids, function_names, arguments, index=st.just(0)
)


@st.composite
def any_message(draw: st.DrawFn) -> Any:
    message: dict[str, Any] = {"role": draw(st.sampled_from([*ROLES, "assistant", "tool"])), "content": draw(contents)}
    rare = draw(st.integers(0, 15))  # one draw for all that is rare: drawing is most of this file's time
    if ROLES[message["role"]] == "assistant":
        if rare % 2:
            message["tool_calls"] = draw(st.lists(calls, max_size=3))
        if rare == 2:
            message["function_call"] = {"name": "f", "arguments": draw(arguments)}
        if rare in (3, 4):
            message["prefix"] = rare == 4
        if rare == 5:
            message["reasoning_content"] = "hm"
    elif ROLES[message["role"]] == "tool":
        message["tool_call_id"] = draw(ids)
    if rare > 11:
        message["name"] = draw(names)
    return message


histories = st.lists(any_message(), min_size=1, max_size=9)


def texts_in(history: list[Any]) -> list[str]:
    """Every text of a history, found without the code under test."""
    found: list[str] = []
    for message in history:
        content = message["content"]
        parts = content if isinstance(content, list) else [content]
        found += [part if isinstance(part, str) else part["text"] for part in parts if part is not None]
        given_calls = [call["function"] for call in message.get("tool_calls") or ()]
        if not given_calls and message.get("function_call"):
            given_calls = [message["function_call"]]
        for function in given_calls:
            found.append(function["name"])
            raw = function["arguments"]
            if isinstance(raw, dict):
                found += [value for value in raw.values() if isinstance(value, str)]
            elif raw not in (None, "null"):
                found.append(raw)
    return found


@MANY
@given(histories, st.sampled_from([MIXTRAL, MIXTRAL, MIXTRAL, LATER, GENERIC, CLAUDE]), st.booleans())
def test_any_history_becomes_one_that_the_model_accepts(history, known, tools):
    before = copy.deepcopy(history)
    repaired = repair(history, known, "repair", tools=tools)
    assert history == before, "the caller's messages were changed"
    nothing_lost(texts_in(history), repaired)
    assert {message["role"] for message in repaired} <= {"system", "user", "assistant", "tool"}
    assert repair(repaired, known, "repair", tools=tools) == repaired, "not idempotent"
    assert repair(history, known, "repair", tools=tools) == repaired, "not deterministic"
    results_follow_their_calls(repaired)
    if known is MIXTRAL:
        accepted_by_mistral(repaired)
        strictly_alternating(repaired)


def results_follow_their_calls(messages):
    """Everybody's rule: https://platform.openai.com/docs/guides/function-calling."""
    open_calls: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            open_calls.remove(message["tool_call_id"])
            continue
        assert not open_calls
        open_calls = [call["id"] for call in message.get("tool_calls") or ()]
        assert len(set(open_calls)) == len(open_calls)
    assert not open_calls


@SOME
@given(histories)
def test_strict_lets_through_exactly_what_repair_leaves_alone(history):
    repaired = repair(history, MIXTRAL, "repair", tools=True)
    assert repair(repaired, MIXTRAL, "strict", tools=True) == repaired
    try:
        passed = repair(history, MIXTRAL, "strict", tools=True)
    except OxenConfigError as error:
        refused = str(error)
        assert repaired != history, "nothing would have been changed"
        assert all(word in refused for word in ("messages[", "rule '", "https://")), refused
    else:
        assert passed == repaired == history


@st.composite
def episodes(draw: st.DrawFn) -> tuple[list[Any], dict[str, str]]:
    """Calls with ids of their own and their results, each later than its call, in any mess between."""
    history: list[Any] = []
    expected: dict[str, str] = {}
    waiting: list[Any] = []
    number = 0
    for _ in range(draw(st.integers(1, 8))):
        step = draw(st.sampled_from(["calls", "calls", "result", "result", "noise"]))
        if step == "calls":
            made = []
            for _ in range(draw(st.integers(1, 3))):
                foreign = draw(st.sampled_from(["call_{}", "{}", "toolu_{}_abc", "chatcmpl-tool-{}", "{:09d}"]))
                text = json.dumps({"n": number})
                made.append(call(foreign.format(number), "f", text))
                waiting.append({"role": "tool", "tool_call_id": made[-1]["id"], "content": f"result {number}"})
                expected[text] = waiting[-1]["content"]
                number += 1
            history.append({"role": "assistant", "content": draw(texts), "tool_calls": made})
        elif step == "result" and waiting:
            history.append(waiting.pop(draw(st.integers(0, len(waiting) - 1))))
        else:
            history.append({"role": draw(st.sampled_from(["user", "system", "assistant"])), "content": draw(texts)})
    return [*history, *waiting], expected


@settings(MANY, max_examples=1000)
@given(episodes())
def test_each_result_stays_with_its_call(episode):
    history, expected = episode
    repaired = repair(history, MIXTRAL, "repair", tools=True)
    strictly_alternating(repaired)
    assert pairs(repaired) == expected


@settings(MANY, max_examples=300)
@given(st.lists(any_message(), min_size=1, max_size=5), st.lists(any_message(), max_size=3))
def test_ids_do_not_change_when_the_conversation_goes_on(past, future):
    def ids_of(messages):
        return [call["id"] for message in messages for call in message.get("tool_calls") or ()]

    sent_before = ids_of(repair(past, MIXTRAL, "repair", tools=True))
    sent_after = ids_of(repair([*past, *future], MIXTRAL, "repair", tools=True))
    assert sent_after[: len(sent_before)] == sent_before
