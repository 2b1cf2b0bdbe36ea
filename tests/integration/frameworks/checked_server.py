"""The scripted server for whole flows: Mixtral takes each request, and each answer arrives as it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from _oxen_transport.testing import Attempt, Received, Server, Stage, Step
from tests.history_checks import accepted_by_mistral, nothing_lost, strictly_alternating

Answer = tuple[str, list[Any], int, int]
"""The text of an answer, its calls (name, arguments) and its tokens as the server counted them: prompt and answer."""


class CheckedServer:
    """One test's view of the server; `check` comes after the test."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stages: list[Stage] = []
        self._sent: list[list[bytes]] = []

    def stage(self, *attempts: Attempt) -> Stage:
        """A place with a script of its own, as `Server.stage`."""
        self._stages.append(self._server.stage(*map(self._kept, attempts)))
        return self._stages[-1]

    def check(self, given: list[list[str]], arrived: list[Answer]) -> None:
        """Raises: AssertionError, or the validator's error.

        Args:
            given: The texts that the framework gave to a model of ours, call by call.
            arrived: Every answer that the framework got from one.
        """
        sent = []
        for body in (request.json for stage in self._stages for request in stage.requests if request.body):
            accepted_by_mistral(body["messages"], tools=body.get("tools"))
            strictly_alternating(body["messages"])
            sent.append(body["messages"])
        sent.sort(key=lambda messages: len(str(messages)), reverse=True)
        for texts in sorted(given, key=lambda texts: len("".join(texts)), reverse=True):
            sent.remove(_request_with(texts, sent))  # the longest choose first, and the longest
        assert sorted(arrived, key=str) == sorted(filter(None, map(_answer, self._sent)), key=str)

    def _kept(self, attempt: Attempt) -> Attempt:
        def play(request: Received) -> Iterator[Step]:
            answer: list[bytes] = []
            self._sent.append(answer)
            steps: Iterable[Step] = attempt(request) if callable(attempt) else attempt
            for step in steps:
                if isinstance(step, bytes):
                    answer.append(step)  # first: who has read the last byte may compare at once
                yield step

        return play


def _request_with(texts: list[str], sent: list[Any]) -> Any:
    """The messages that hold all these texts; the error for none shows what is lost in the last."""
    assert sent, "a call made no request of its own"
    for messages in sent[:-1]:
        try:
            nothing_lost(texts, messages)
        except AssertionError:
            continue
        return messages
    nothing_lost(texts, sent[-1])
    return sent[-1]


def _answer(sent: list[bytes]) -> Answer | None:
    """What a reply says; None for an error."""
    lines = b"".join(sent).decode().splitlines()
    if " 200 " not in lines[0]:
        return None
    events: list[Any] = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith(("{", "data: {"))]
    parts = [choice.get("message") or choice["delta"] for event in events for choice in event.get("choices", ())]
    if not parts:
        return None
    calls: dict[int, list[str]] = {}
    for piece in (piece for part in parts for piece in part.get("tool_calls") or ()):
        call = calls.setdefault(piece.get("index", 0), [piece["function"].get("name", ""), ""])
        call[1] += piece["function"]["arguments"]
    usage = next((event["usage"] for event in reversed(events) if event.get("usage")), None) or {}
    text = "".join(part.get("content") or "" for part in parts)
    made = [[name, arguments_of(text)] for name, text in calls.values()]
    return text, made, usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)


def arguments_of(text: str) -> Any:
    """A call's arguments as values; what is not JSON as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text
