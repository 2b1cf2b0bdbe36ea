"""An ideal model behind the scripted server: it calls the right tool, with the right arguments, and knows every schema.

What a small real model gets wrong now and then is thereby tested for the plumbing alone. It follows
a few rules and has no state, so every answer can be foretold:

* a JSON schema is answered with an object that fits it; figures and quoted words come from the question;
* a forced tool is called; a tool that the question names, or whose description shares words with it, too;
* two quoted words and one text parameter make two calls at once, unless that is forbidden;
* after a tool's result comes a text with that result.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from _oxen_transport.testing import chunks, completion, sse, streamed, whole

if TYPE_CHECKING:
    from _oxen_transport.testing import Received, Step

STORY = "Moo, says the ox. Hello to you, friend of the plough."
Call = tuple[str, str, dict[str, Any]]


def ideal(request: Received) -> Iterable[Step]:
    """One request, the ideal answer, streamed or not as the request asks."""
    body = request.json
    if request.path.endswith("/models"):
        return [whole({"data": []})]
    text, calls = decide(body)
    for stop in body.get("stop", []):
        text = text.partition(stop)[0]
    usage = usage_of(body, text, calls)
    named = {"model": body["model"]}
    if not body.get("stream"):
        return [whole(completion(text, tool_calls=calls, usage=usage, **named))]
    asked = body.get("stream_options", {}).get("include_usage")
    pieces = re.findall(r"\S+\s*|\s+", text)
    events = chunks(pieces, tool_calls=calls, usage=usage if asked else None)
    return streamed(sse([{**event, **named} for event in events]))


def usage_of(body: dict[str, Any], text: str, calls: list[Call]) -> dict[str, Any]:
    """Words in place of tokens; a third of the prompt was cached, a thought took one."""
    prompt = len(json.dumps(body["messages"]).split())
    answer = len(text.split()) + len(json.dumps(calls).split()) + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": prompt // 3},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def decide(body: dict[str, Any]) -> tuple[str, list[Call]]:
    """The answer's text, or its calls."""
    messages = body["messages"]
    last = messages[-1]
    question = next((text_of(message) for message in reversed(messages) if message["role"] == "user"), "")
    if (kind := body.get("response_format", {}).get("type")) == "json_schema":
        return json.dumps(instance(body["response_format"]["json_schema"]["schema"], question)), []
    if kind == "json_object":
        system = " ".join(text_of(message) for message in messages if message["role"] == "system")
        return json.dumps(_from_words(system, question)), []
    tools = body.get("tools", [])
    chosen = _chosen(tools, body.get("tool_choice"), last, question)
    if chosen is not None:
        return "", _calls(chosen, question, len(messages), body.get("parallel_tool_calls") is not False)
    if last["role"] == "tool":
        return f"The tool says: {text_of(last)}", []
    if schema := re.search(r"fits this JSON schema.*?\n(\{.*\})", text_of(messages[0]), re.DOTALL):
        return f"Here it is:\n```json\n{json.dumps(instance(json.loads(schema[1]), question))}\n```", []
    return STORY, []


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def instance(schema: dict[str, Any], question: str, root: dict[str, Any] | None = None, name: str = "") -> Any:
    """An object that fits a JSON schema, made of what the question holds."""
    root = root or schema
    if "$ref" in schema:
        return instance(root["$defs"][schema["$ref"].rpartition("/")[2]], question, root, name)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return instance(next(one for one in schema[key] if one.get("type") != "null"), question, root, name)
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type", "object")
    if kind == "object":
        properties = schema.get("properties", {})
        return {key: instance(value, question, root, key) for key, value in properties.items()}
    if kind == "array":
        return [instance(schema.get("items", {"type": "string"}), question, root, name)]
    numbers = re.findall(r"-?\d+", question)
    plain = {
        "integer": int(numbers[0]) if numbers else 7,
        "number": float(numbers[0]) if numbers else 7.5,
        "boolean": True,
    }
    return plain.get(kind, _words(question)[0])


def _words(question: str) -> list[str]:
    """What a text parameter gets: the quoted words, else the name, else the whole question."""
    quoted = re.findall(r"'([^']+)'", question)
    names = re.findall(r"(?<=\s)[A-Z]\w+(?:[ ,]+[A-Z]\w+)*", question)
    return quoted or names[:1] or [question or "moo"]


def _from_words(system: str, question: str) -> dict[str, Any]:
    """JSON mode knows only what the prompt says: a schema, or keys in quotes."""
    if schema := re.search(r"\n(\{.*\})", system, re.DOTALL):
        made: dict[str, Any] = instance(json.loads(schema[1]), question)
        return made
    return {key: f"a {key}" for key in re.findall(r"'(\w+)'", question)}


def _chosen(tools: list[Any], choice: Any, last: dict[str, Any], question: str) -> dict[str, Any] | None:
    if not tools or choice == "none":
        return None
    functions = [tool["function"] for tool in tools]
    if isinstance(choice, dict):
        return next(one for one in functions if one["name"] == choice["function"]["name"])
    best = max(functions, key=lambda one: _fit(one, question))
    if choice == "required" or (last["role"] == "user" and _fit(best, question)):
        return best
    return None


def _fit(function: dict[str, Any], question: str) -> int:
    """How well a tool fits a question: named in it, or words of its description are in it."""
    if re.search(rf"\b{re.escape(function['name'])}\b", question):
        return 100
    words = set(
        re.findall(r"\w{4,}", f"{function['name'].replace('_', ' ')} {function.get('description', '')}".lower())
    )
    return len(words & set(re.findall(r"\w{4,}", question.lower())))


def _calls(function: dict[str, Any], question: str, place: int, parallel: bool) -> list[Call]:
    parameters = function.get("parameters", {})
    texts = [key for key, value in parameters.get("properties", {}).items() if value.get("type") == "string"]
    several = _words(question) if parallel and len(parameters.get("properties", {})) == len(texts) == 1 else []
    made = [{texts[0]: word} for word in several] or [instance(parameters, question)]
    return [(_id(function["name"], args, place, index), function["name"], args) for index, args in enumerate(made)]


def _id(*seed: Any) -> str:
    return hashlib.sha256(repr(seed).encode()).hexdigest()[:9]
