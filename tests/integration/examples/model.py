"""What answers the examples: an ideal model that refuses each request that Mistral's own validator refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from mistral_common.protocol.instruct.request import ChatCompletionRequest

from _oxen_transport.testing import Received, Step, chunks, completion, sse, streamed, whole
from tests.history_checks import TOKENIZER, accepted_by_mistral
from tools.support.ideal_model import decide

WINDOW = 64_000
UNKNOWN = "The documents do not say."
PARTS = ["How large can an SQLite database be?", "What is the maximum number of attached databases?"]
PASSAGE = re.compile(r"(?:^|\n)(?:\[|Source )(\d+)(?:\]|:)(.*?)(?=\n\[\d|\nSource \d|\n\n|\n---|$)", re.DOTALL)
COUNT = "SELECT count(*) FROM zone"


def answer(request: Received) -> Iterable[Step]:
    """The reply to one request; 400 with Mistral's reason if Mistral would not take it."""
    if request.path.endswith("/models"):
        return [whole({"data": []})]
    body = request.json
    try:
        accepted_by_mistral(body["messages"], tools=body.get("tools"))
        _fits(body)
    except Exception as error:  # noqa: BLE001 - the reason is the reply
        return [whole({"error": {"message": f"not valid for Mixtral: {error}"}}, 400)]
    text, calls = _tool_call(body) or _text(body)
    if not body.get("stream"):
        return [whole(completion(text, tool_calls=calls))]
    return streamed(sse(chunks(re.findall(r"\S+\s*|\s+", text), tool_calls=calls)))


def _fits(body: dict[str, Any]) -> None:
    """Prompt and answer are within Mixtral's window, by its own tokenizer."""
    asked = ChatCompletionRequest.model_validate({key: body[key] for key in ("messages", "tools") if key in body})
    tokens = len(TOKENIZER.encode_chat_completion(asked).tokens) + (body.get("max_tokens") or 0)
    if tokens > WINDOW:
        raise ValueError(f"{tokens} tokens do not fit into {WINDOW}")


def _text(body: dict[str, Any]) -> tuple[str, list[Any]]:  # noqa: PLR0911 - one for each kind of prompt
    last = body["messages"][-1]["content"]
    everything = (
        last if re.search(r"(^|\n)(\[|Source )1", last) else f"{body['messages'][0]['content']}\nQuestion: {last}"
    )
    if "stands alone:" in last:
        return "How large can an SQLite database be?", []
    if "SQLQuery:" in last:
        return f"{COUNT}", []
    if "<Tools>" in last:
        items = [{"sub_question": part, "tool_name": "sqlite"} for part in PARTS]
        return f"```json\n{json.dumps({'items': items})}\n```", []
    if "Summarise" in last:
        return f"Summary of {len(last.split())} words.", []
    if passages := PASSAGE.findall(everything):
        question = (re.findall(r"(?:Question|Query): (.*)", everything) or [last])[-1]
        return _read(question, passages, body)
    if kind := body.get("response_format", {}).get("json_schema"):
        return json.dumps(_object(kind["schema"], last)), []
    return decide(body)


def _read(question: str, passages: list[tuple[str, str]], body: dict[str, Any]) -> tuple[str, list[Any]]:
    """The sentence of the passages that has most of the question's words, with its number."""
    words = set(re.findall(r"\w{4,}", question.lower())) - {"what"}
    found = [(number, one.strip()) for number, text in passages for one in re.split(r"(?<=[.!?]) ", text)]
    number, best = max(found, key=lambda one: _overlap(words, one[1]) + 3 * bool(re.search(r"\b\d", one[1])))
    if "response_format" in body:
        claims = [
            {"statement": best, "passage": int(number), "quote": best},
            {"statement": "x", "passage": 1, "quote": "moo"},
        ]
        return json.dumps({"claims": claims}), []
    if _overlap(words, best) < len(words) / 4:
        return UNKNOWN, []
    return f"[{number}] {best}", []


def _overlap(words: set[str], text: str) -> int:
    return len(words & set(re.findall(r"\w{4,}", text.lower())))


def _object(schema: dict[str, Any], text: str) -> dict[str, Any]:
    wanted = schema["properties"]
    if "sql" in wanted:
        return {"sql": COUNT}
    if "documents" in wanted:
        return {"documents": "oxen" if "Oxen" in text else "sqlite"}
    if "questions" in wanted:
        return {"questions": PARTS}
    return _order(text)


def _order(text: str) -> dict[str, Any]:
    names = re.findall(r"[A-Z]\w+", text)
    return {"buyer": names[-1], "item": "ox yokes", "quantity": int(re.findall(r"\d+", text)[0]), "city": names[-1]}


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("sql_db_query", {"query": COUNT}),
    ("load_data", {"query": COUNT}),
    ("git_log", {"repo_path": "."}),
    ("convert_time", {"source_timezone": "Europe/Stockholm", "time": "09:00", "target_timezone": "Asia/Tokyo"}),
    ("get_word_count", {"page": "wal.txt"}),
    ("transfer_to_clerk", {}),
    ("handoff", {"to_agent": "clerk", "reason": "It is to be filed."}),
    ("file_note", {"text": "wal.txt has 4,432 words."}),
]


def _tool_call(body: dict[str, Any]) -> tuple[str, list[Any]] | None:
    """The first tool of the list above that was not called yet; then what the last one returned."""
    offered = {tool["function"]["name"]: tool["function"] for tool in body.get("tools", [])}
    if not offered:
        return None
    forced = body.get("tool_choice")
    if forced == "required" or isinstance(forced, dict):
        name = next(iter(offered))
        text = body["messages"][-1]["content"]
        wanted = offered[name]["parameters"]["properties"]
        made = {"selections": [{"index": 2, "reason": "It is about Oxen."}]} if "selections" in wanted else _order(text)
        made = {"index": 2, "reason": "It is about Oxen."} if "index" in wanted else made
        return "", [(f"call{len(body['messages']):05}", name, made)]
    called = {call["function"]["name"] for message in body["messages"] for call in message.get("tool_calls") or ()}
    for place, (name, arguments) in enumerate(CALLS):
        if name in offered and name not in called:
            return "", [(f"call{place:05}", name, arguments)]
    results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
    return (f"The tool says: {results[-1]}", []) if results else None
