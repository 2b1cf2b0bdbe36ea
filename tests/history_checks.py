"""What a repaired history must be, stated apart from the code that repairs it."""

from __future__ import annotations

import json
import re
from typing import Any

from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import MistralRequestValidatorV3, ValidationMode
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import family
from _oxen_transport.request.repair import repair
from _oxen_transport.tools.ids import wire_id

VALIDATOR = MistralRequestValidatorV3(mode=ValidationMode.serving)
TOKENIZER = MistralTokenizer.v3()

KEYS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}


def accepted_by_mistral(messages: list[Any], *, encode: bool = True, tools: list[Any] | None = None) -> None:
    """Mistral's own validator takes it as a request to serve, and its template can write it."""
    body = json.dumps({"model": "open-mixtral-8x22b", "messages": messages, "tools": tools})
    VALIDATOR.validate_request(ChatCompletionRequest.model_validate_json(body))
    if encode:  # the template refuses text and calls that the validator let through in two messages
        TOKENIZER.encode_chat_completion(ChatCompletionRequest.model_validate_json(body))


def strictly_alternating(messages: list[Any]) -> None:
    """The strictest reading of the rules: that of the templates and of the live API's code 3230."""
    body = messages[1:] if messages[0]["role"] == "system" else messages
    assert body, "a system message alone"
    assert body[0]["role"] == "user", "does not begin with the user"
    seen: set[str] = set()
    open_calls: list[str] = []
    before = None
    for place, message in enumerate(body):
        role = message["role"]
        assert set(message) <= KEYS[role], f"stray keys {set(message) - KEYS[role]}"
        assert isinstance(message["content"], str) or (message["content"] is None and message.get("tool_calls"))
        if role == "tool":
            assert before in ("assistant", "tool")
            open_calls.remove(message["tool_call_id"])
        else:
            assert not open_calls, "calls without results"
            assert role == ("assistant" if before in ("user", "tool") else "user"), f"{role} after {before}"
        if role == "assistant":
            calls = message.get("tool_calls")
            assert bool(message["content"]) != bool(calls), "text and calls, or neither"
            assert bool(message.get("prefix")) == (place == len(body) - 1)
            for call in calls or ():
                one_call(call, seen)
                open_calls.append(call["id"])
        before = role
    assert not open_calls, "calls without results at the end"


def one_call(call: dict[str, Any], seen: set[str]) -> None:
    assert set(call) == {"id", "type", "function"}
    assert set(call["function"]) == {"name", "arguments"}
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", call["id"])
    assert call["id"] not in seen, "an id twice"
    seen.add(call["id"])
    assert isinstance(json.loads(call["function"]["arguments"]), dict)


def texts_sent(messages: list[Any]) -> list[str]:
    """Every text a model reads: contents, names and arguments of calls (as written, and as values)."""
    texts: list[str] = []
    for message in messages:
        content = message["content"]
        texts += [content] if isinstance(content, str) else [part.get("text", "") for part in content or ()]
        for call in message.get("tool_calls") or ():
            function = call["function"]
            texts += [function["name"], function["arguments"]]
            values = json.loads(function["arguments"]).values()
            texts += [value for value in values if isinstance(value, str)]
    return texts


def nothing_lost(texts: list[str], messages: list[Any]) -> None:
    """Each text is found, whole, in one message of the payload. Blank text says nothing."""
    sent = texts_sent(messages)
    for text in texts:
        escaped = json.dumps(text, ensure_ascii=False)[1:-1]  # as it stands inside of JSON
        assert not text.strip() or any(text in other or escaped in other for other in sent), f"lost: {text!r}"


def as_sent(name: str) -> str:
    """A tool's name as it must be found: one that no server accepts is sent in another form."""
    return name if re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) else ""


def nothing_changed_silently(wired: list[Any], model: str) -> None:
    """Strict mode raises exactly where "repair" changes something."""
    known = family(model)
    repaired = repair(wired, known, "repair", tools=False)
    try:
        passed = repair(wired, known, "strict", tools=False)
    except OxenConfigError:
        assert repaired != wired, "refused, though nothing would have been changed"
    else:
        assert passed == repaired == wired, "changed in silence"


def pairs(messages: list[Any]) -> dict[str, str]:
    """Arguments of each call -> content of its result, in a repaired history."""
    results = {message["tool_call_id"]: message["content"] for message in messages if message["role"] == "tool"}
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    return {call["function"]["arguments"]: results[call["id"]] for call in calls}


def unique_pairs_kept(made: list[list[tuple[Any, Any]]], results: list[tuple[Any, Any]], sent: list[Any]) -> None:
    """Where an id belongs to one call and one later result, exactly these two share an id on the wire.

    Args:
        made: For each message, (id, arguments) of its calls.
        results: For each message, (id, content) of the result it is, or (None, "").
        sent: The repaired history.
    """
    call_ids = [call_id for calls in made for call_id, _ in calls]
    result_ids = [result_id for result_id, _ in results]
    for at, calls in enumerate(made):
        for call_id, arguments in calls:
            where = result_ids.index(call_id) if call_id in result_ids else -1
            if not call_id or call_ids.count(call_id) > 1 or result_ids.count(call_id) > 1 or where < at:
                continue
            wired = one_wire_id(call_id, arguments, sent)
            [answer] = [message["content"] for message in sent if message.get("tool_call_id") == wired]
            content = results[where][1]
            for text in [content] if isinstance(content, str) else content:
                assert (text if isinstance(text, str) else text.get("text", "")) in answer


def one_wire_id(call_id: str, arguments: Any, sent: list[Any]) -> str:
    """The id a call was sent with: its own, or the first of its derivations that carries its arguments."""
    wired = {call["id"]: call["function"] for message in sent for call in message.get("tool_calls") or ()}
    found = wire_id(call_id)
    assert found in wired, f"the call {call_id} is gone"
    assert not isinstance(arguments, dict) or json.loads(wired[found]["arguments"]) == arguments
    return found
