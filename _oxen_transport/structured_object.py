"""The object of structured output: how it is asked for, and how it is read from an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic_core import to_json

from _oxen_transport.errors import Details, OxenRefusalError, OxenStructuredOutputError
from _oxen_transport.request.schemas import function_from, validator_for
from _oxen_transport.response.objects import objects_in
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.tools.names import wire_name
from _oxen_transport.types import Completion


class StructuredObject:
    """The object that a schema describes (see `function_from`), or any object. Raises: OxenConfigError.

    `function` is the schema as a function, if already known; a model may call `other_tools` in place of answering.
    """

    def __init__(
        self,
        schema: Any = None,
        *,
        strict: bool | None = None,
        function: dict[str, Any] | None = None,
        other_tools: frozenset[str] = frozenset(),
    ) -> None:
        if function is None and schema is not None:
            function = function_from(schema, strict=strict)
        self.function = function
        self.name = str(function["name"]) if function else "JSON object"
        self._validate = validator_for(schema)
        self._other_tools = other_tools

    def parameters(self, method: str) -> dict[str, Any]:
        """The parameters of a request that asks for the object by one method."""
        if method == "prompt":
            return {}
        if method == "json_mode" or self.function is None:
            return {"response_format": {"type": "json_object"}}
        if method == "function_calling":
            # the only tool there is: "required" names it, and some servers ignore a choice by name
            return {"tools": [{"type": "function", "function": self.function}], "tool_choice": "required"}
        wire = {"name": wire_name(self.name), "schema": self.function["parameters"]}
        for key in ("description", "strict"):
            if key in self.function:
                wire[key] = self.function[key]
        return {"response_format": {"type": "json_schema", "json_schema": wire}}

    def json_schema(self) -> dict[str, Any]:
        """The schema with its name as `title`; {} for any object."""
        if self.function is None:
            return {}
        about = {"title": self.name, "description": self.function.get("description")}
        return {**{key: text for key, text in about.items() if text}, **self.function["parameters"]}

    def instructions(self) -> str:
        """The prompt that asks for the object where the request itself does not hold the schema."""
        schema = json.dumps(self.function["parameters"] if self.function else {}, ensure_ascii=False)
        return (
            "Answer with one JSON object that fits this JSON schema, and with nothing else: "
            f"no explanation, no code fence.\n{schema}"
        )

    def read(self, answer: Completion) -> Any:
        """The object of a whole answer. Raises: OxenStructuredOutputError, OxenRefusalError."""
        reason = None
        for value in () if answer.refusal else self._candidates(answer):
            try:
                return self._validate(value)
            except ValueError as error:  # pydantic's `ValidationError`s are
                reason = reason or str(error)
        kind = OxenRefusalError if answer.refusal else OxenStructuredOutputError
        why = f"no valid {self.name}: {self._why_not(answer, reason)}"
        raise kind(why, Details(partial=_partial(answer)))

    def is_attempt(self, answer: Completion) -> bool:
        """Whether an answer is an attempt at the object: a wrong one, a cut one, or a refusal."""
        if answer.finish_reason == "length" or answer.refusal or answer.tool_calls:
            return True
        return next(self._candidates(answer), None) is not None

    def preview(self, value: dict[str, Any]) -> Any:
        """What can be shown of an object that is still growing; None for nothing yet."""
        try:
            return self._validate(value) if value else None
        except Exception:  # noqa: BLE001 - a validator of the user's may miss what has not come yet
            return None

    def _candidates(self, answer: Completion) -> Iterator[dict[str, Any]]:
        """The objects of an answer: the arguments of calls, then what stands in the text."""
        for call in sorted(answer.tool_calls, key=lambda call: call.name != self.name):
            arguments = None if call.name in self._other_tools else parse_arguments(call.arguments)
            if arguments is not None:
                yield arguments
        yield from map(self._unwrapped, objects_in(answer.text))  # also where a call was asked for

    def _unwrapped(self, value: dict[str, Any]) -> dict[str, Any]:
        """The arguments, where a model writes the call as text: `{"name": "Ox", "arguments": {...}}`."""
        if len(value) != 2 or value.get("name") != self.name:
            return value
        inner = value.get("arguments", value.get("parameters"))
        inner = parse_arguments(inner) if isinstance(inner, str) else inner
        return inner if isinstance(inner, dict) else value

    def _why_not(self, answer: Completion, reason: str | None) -> str:
        if answer.refusal:
            return f"the model refuses: {answer.refusal}"
        if answer.finish_reason == "length":
            return "the answer was cut off at max_tokens"
        if reason:
            return reason
        if others := [call.name for call in answer.tool_calls if call.name in self._other_tools]:
            return f"the model called {', '.join(others)} in place of answering"
        if answer.tool_calls:
            return f"the arguments are not a JSON object: {answer.tool_calls[0].arguments[:200]!r}"
        return f"the model wrote no JSON object but {answer.text[:200]!r}"


def answer_as_text(answer: Completion) -> str:
    """What the model wrote, as text: a call without its result cannot be sent back as a call."""
    return answer.text or "\n".join(call.arguments for call in answer.tool_calls)


def _partial(answer: Completion) -> Completion:
    """The same in both packages, whatever their messages keep: the arguments of calls in one spelling, no raw body."""
    calls = []
    for call in answer.tool_calls:
        arguments = parse_arguments(call.arguments)
        calls.append(call if arguments is None else call._replace(arguments=to_json(arguments).decode()))
    fields = ("text", "finish_reason", "refusal", "model")
    return Completion(tool_calls=tuple(calls), **{name: getattr(answer, name) for name in fields})
