"""What a scripted model does with one request: says a text, calls tools, answers an object, fails, breaks off."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from _oxen_transport.testing.answers import chunk, chunks, completion, error_body, event, open_stream, sse, streamed
from _oxen_transport.testing.answers import whole as whole_reply
from _oxen_transport.testing.steps import FIN, Step, drip

if TYPE_CHECKING:
    from _oxen_transport.testing.connection import Received

Reply = Callable[["Received"], Iterable[Step]]
ToolCall = tuple[str, dict[str, Any]]  # a tool's name and its arguments


def text(
    content: str, *, reasoning: str = "", finish_reason: str = "stop", usage: dict[str, Any] | None = None
) -> Reply:
    """A text, streamed word by word if the request asks for a stream."""

    def reply(request: Received) -> Iterable[Step]:
        counts = usage or count(request, content)
        if not request.wants_stream:
            return [whole_reply(_body(request, content, counts, reasoning, finish_reason))]
        return streamed(sse(_text_chunks(request, content, counts, reasoning, finish_reason)))

    return reply


def tool_calls(calls: Sequence[ToolCall], *, usage: dict[str, Any] | None = None) -> Reply:
    """An answer with tool calls. Their ids are as Mistral makes them: nine letters and digits."""

    def reply(request: Received) -> Iterable[Step]:
        place = request.number % 1000
        made = [(f"call{place:03}{index:02}", name, arguments) for index, (name, arguments) in enumerate(calls)]
        counts = usage or count(request, json.dumps(calls))
        model = request.json.get("model", "")
        if not request.wants_stream:
            return [whole_reply(completion(None, tool_calls=made, usage=counts, model=model))]
        return streamed(sse(_named(chunks((), tool_calls=made, usage=_if_asked(request, counts)), model)))

    return reply


def an_object(value: Any, *, usage: dict[str, Any] | None = None) -> Reply:
    """An object in the way in which the request asks for one: a call of the forced tool, else JSON text."""
    plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value

    def reply(request: Received) -> Iterable[Step]:
        body = request.json
        tools = body.get("tools") or []
        if not tools or body.get("response_format") or body.get("tool_choice") == "none":
            return text(json.dumps(plain, ensure_ascii=False), usage=usage)(request)
        choice = body.get("tool_choice")
        name = choice["function"]["name"] if isinstance(choice, dict) else tools[0]["function"]["name"]
        return tool_calls([(name, plain)], usage=usage)(request)

    return reply


def failure(status: int, message: str, retry_after: float | None, headers: dict[str, str]) -> Reply:
    """An error in Oxen's form."""
    wait = {} if retry_after is None else {"retry_after": f"{retry_after:g}"}
    return lambda _: [whole_reply(error_body(message), status, "application/json", **wait, **headers)]


def cut(content: str, after: int) -> Reply:
    """The connection ends after so many chunks of the text; without a stream, in the middle of the body."""

    def reply(request: Received) -> Iterable[Step]:
        counts = count(request, content)
        if request.wants_stream:
            first, *rest = _text_chunks(request, content, counts)
            return open_stream(*(event(one) for one in (first, *rest[:after])), FIN)
        sent = whole_reply(_body(request, content, counts))
        return [sent[: len(sent) - len(sent) // 4], FIN]

    return reply


def dripping(content: str, every: float) -> Reply:
    """The text, a chunk every so many seconds; without a stream, the body byte by byte."""

    def reply(request: Received) -> Iterable[Step]:
        counts = count(request, content)
        if not request.wants_stream:
            return drip(whole_reply(_body(request, content, counts)), every)
        steps: list[Step] = []
        for one in _text_chunks(request, content, counts):
            steps += [event(one), every]
        return streamed(*steps, sse([]))

    return reply


def count(request: Received, answer: str) -> dict[str, int]:
    """Usage, with words in place of tokens: figures that a test can foretell."""
    prompt = sum(len(str(message.get("content") or "").split()) for message in request.messages)
    made = len(answer.split())
    return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}


def _body(
    request: Received, content: str, counts: dict[str, Any], reasoning: str = "", finish_reason: str = "stop"
) -> dict[str, Any]:
    body = completion(content, usage=counts, finish_reason=finish_reason, model=request.json.get("model", ""))
    if reasoning:
        body["choices"][0]["message"]["reasoning_content"] = reasoning
    return body


def _text_chunks(
    request: Received, content: str, counts: dict[str, Any], reasoning: str = "", finish_reason: str = "stop"
) -> list[dict[str, Any]]:
    """The role, the thoughts, each word with the space after it, the end."""
    words = re.findall(r"\s*\S+\s*", content) or [content]
    thoughts = [chunk({"reasoning_content": reasoning})] if reasoning else []
    first, *rest = chunks(words, usage=_if_asked(request, counts), finish_reason=finish_reason)
    return _named([first, *thoughts, *rest], request.json.get("model", ""))


def _named(made: list[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    return [{**one, "model": model} for one in made]


def _if_asked(request: Received, counts: dict[str, Any]) -> dict[str, Any] | None:
    """A stream gives its usage to those who ask, as OpenAI's does."""
    options = request.json.get("stream_options") or {}
    return counts if options.get("include_usage") else None
