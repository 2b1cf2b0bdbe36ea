"""The files: each message and each tool once, and requests that refer to them by number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage, messages_from_dict, messages_to_dict
from llama_index.core.base.llms.types import ChatMessage

FOLDER = Path(__file__).parents[2] / "tests" / "integration" / "histories"
REAL = "a real model: Qwen2.5-Coder-0.5B-Instruct on llama.cpp's server"
IDEAL = "the scripted server, with the ideal model of tools/support/ideal_model.py"
SCRIPTED = "the scripted server, which plays a script: the real model is too small for this flow"
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_AGAIN = re.compile(r"((\b\w+ )\2{19})\2+")

Tools = Sequence[dict[str, Any]]
Message = BaseMessage | ChatMessage


@dataclass
class Recording:
    """The requests of one run: each framework's messages in its own dump, and the tools as they are sent."""

    dump: Callable[[Any], dict[str, Any]]
    messages: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, list[int]]] = field(default_factory=list)

    def add(self, messages: Sequence[Any], tools: Tools) -> None:
        """Note what was handed over, as it is now: agents go on with the same objects."""
        request = {
            "messages": [_place(self.messages, self.dump(message)) for message in messages],
            "tools": [_place(self.tools, dict(tool)) for tool in tools],
        }
        if request not in self.requests:  # the same question streamed, awaited, asked anew
            self.requests.append(request)


def _place(known: list[dict[str, Any]], new: dict[str, Any]) -> int:
    new = json.loads(json.dumps(new, ensure_ascii=False))
    if new not in known:
        known.append(new)
    return known.index(new)


def dump_langchain(message: BaseMessage) -> dict[str, Any]:
    [dumped] = messages_to_dict([message])
    dumped["data"].get("response_metadata", {}).pop("created", None)
    return dumped


def dump_llama_index(message: ChatMessage) -> dict[str, Any]:
    return message.model_dump(mode="json")


def write(name: str, head: dict[str, Any], recording: Recording) -> None:
    """Write one file.

    Ids of runs, which are new each time, are numbered as they come; a word said hundreds of times
    (to fill a window) is said twenty times.
    """
    ids: dict[str, str] = {}
    body = {"messages": recording.messages, "tools": recording.tools, "requests": recording.requests}
    text = "{\n" + ",\n".join(_lines({**head, **body})) + "\n}\n"
    text = _AGAIN.sub(r"\1", text)
    text = _UUID.sub(lambda found: ids.setdefault(found[0], f"00000000-0000-4000-8000-{len(ids):012d}"), text)
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def _lines(body: dict[str, Any]) -> Iterator[str]:
    """One message a line, so that a change can be read."""
    for key, value in body.items():
        if isinstance(value, list):
            inner = ",\n".join("  " + json.dumps(each, ensure_ascii=False) for each in value)
            yield f" {json.dumps(key)}: [\n{inner}\n ]" if value else f" {json.dumps(key)}: []"
        else:
            yield f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}"


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return body


def conversations(body: dict[str, Any]) -> Iterator[tuple[list[Any], list[dict[str, Any]]]]:
    """Each request of a file: fresh objects of the framework's own classes, and the tools."""
    for request in body["requests"]:
        dumped = [body["messages"][place] for place in request["messages"]]
        tools = [body["tools"][place] for place in request["tools"]]
        if body["framework"] == "langchain":
            yield messages_from_dict(dumped), tools
        else:
            yield [ChatMessage.model_validate(message) for message in dumped], tools
