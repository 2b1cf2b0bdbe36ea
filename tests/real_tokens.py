"""The small real model's own template and tokenizer, asked from the server that runs it, for our counting to use.

No tokenizer but Mixtral's is packaged, and neither framework lets a user hand in one that knows a
chat template. So this one takes the place of Mixtral's underneath: from there on the count goes its
usual way (`tokens.count_messages`: repair, template, tokens). llama.cpp's end points:
https://github.com/ggml-org/llama.cpp/tree/master/tools/server, `/apply-template` and `/tokenize`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_CALL = {"id": "AbC123xyZ", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
_ASK = {"role": "user", "content": "What is the weather in Paris?"}

PROMPTS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    # name: messages, tools
    "a word": ([{"role": "user", "content": "Hello"}], []),
    "prose": ([{"role": "user", "content": "The quick brown fox jumps over the lazy dog, " * 8}], []),
    "German": ([{"role": "user", "content": "Gestern fuhr die Straßenbahn nicht, weil es so regnete. " * 4}], []),
    "Chinese": ([{"role": "user", "content": "今天天气很好。我们去公园散步吧。🐂 " * 5}], []),
    "code": (
        [{"role": "user", "content": "def f(x: int) -> list[str]:\n    return [str(n) for n in range(x)]\n" * 5}],
        [],
    ),
    "turns": (
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "  Two oxen,\n\n\tone plough: what is missing? "},
            {"role": "assistant", "content": "A farmer."},
            {"role": "user", "content": "Why?"},
        ],
        [],
    ),
    "out of order": (
        [_ASK, {"role": "user", "content": "Quick!"}, {"role": "system", "content": "End."}],
        [],
    ),
    "a tool": ([_ASK], [TOOL]),
    "a tool's result": (
        [
            _ASK,
            {"role": "assistant", "content": "", "tool_calls": [_CALL]},
            {"role": "tool", "content": "18 °C", "tool_call_id": "AbC123xyZ"},
        ],
        [TOOL],
    ),
}

OWN_WORDS = ("a word", "a tool", "a tool's result")
"""Prompts of which the template's own words are the greater part: a system message by default, how to use tools."""


@dataclass
class ServerTokenizer:
    """Counts as the server does, in the words of the tokenizer whose place it takes."""

    url: str

    def ids(self, text: str) -> list[int]:
        """A text's tokens; the template's marks in it count as what they are."""
        return list(self._post("tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"])

    def encode_chat_completion(self, request: Any) -> SimpleNamespace:
        """The tokens of a whole prompt, as the server's model reads it."""
        body = request.model_dump(mode="json", exclude_unset=True)
        body = {key: body[key] for key in ("messages", "tools") if body.get(key)}
        return SimpleNamespace(tokens=self.ids(self._post("apply-template", body)["prompt"]))

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(f"{self.url.removesuffix('/v1')}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        made: dict[str, Any] = answer.json()
        return made
