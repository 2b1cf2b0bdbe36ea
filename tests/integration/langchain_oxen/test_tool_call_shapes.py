"""The ways in which servers write tool calls (`wire_shapes.py` of the transport's tests), through `ChatOxen` itself."""

from __future__ import annotations

import json
from typing import Any

from _oxen_transport.testing import Server, chunk, completion, reply, sse, streamed
from langchain_oxen import ChatOxen
from tests.tables import each_row
from tests.unit._oxen_transport.response.wire_shapes import CUTS, WAYS, WITHOUT_IDS, Written

CALLS = [
    Written("AbC123xyZ", "get_weather", '{"city": "Zürich 東京 🐂", "days": [1, {"x": 2}]}'),
    Written("DeF456uvW", "get_time", '{"zone": "Europe/Paris"}'),
]


def merged(model: ChatOxen) -> Any:
    full: Any = None
    for piece in model.stream("Moo?"):
        full = piece if full is None else full + piece
    return full


@each_row("way", [*WAYS, *WITHOUT_IDS])
def test_no_call_is_lost(server: Server, way: str) -> None:
    """The cut is the transport's concern, and its tests', which try them all."""
    deltas = [chunk({"tool_calls": delta}) for delta in {**WAYS, **WITHOUT_IDS}[way](CALLS, CUTS["two pieces"])]
    model = ChatOxen(base_url=server.stage(streamed(sse([*deltas, chunk(None, "tool_calls")]))).url)
    for message in (merged(model), model.stream_events("Moo?", version="v3").output):
        assert [(call["name"], call["args"]) for call in message.tool_calls] == [
            (call.name, json.loads(call.arguments)) for call in CALLS
        ]
        assert message.invalid_tool_calls == []
        ids = [call["id"] for call in message.tool_calls]
        assert all(ids)
        assert len(set(ids)) == len(CALLS)
        if way not in WITHOUT_IDS:
            assert ids == [call.id for call in CALLS]


ARGUMENTS: list[Any] = [
    ({"city": "Paris"}, {"city": "Paris"}),
    ("null", {}),
    ("", {}),
    (None, {}),
    ('{"city": "Łódź"}', {"city": "Łódź"}),
    ("[1, 2]", None),
    ([1, 2], None),
    ('{"city": "Par', None),
    ('"text"', None),
    ("nonsense", None),
    ("7", None),
]


@each_row("is_streamed", [True, False], ids=["streamed", "sent"])
@each_row("has_id", [True, False], ids=["id", "no id"])
def test_arguments_of_any_kind(server: Server, has_id: bool, is_streamed: bool) -> None:
    """Good ones become a call; bad ones a call that cannot run, with what was written. Each has an id."""
    for written, args in ARGUMENTS:
        call: dict[str, Any] = {"index": 0, "function": {"name": "get_weather", "arguments": written}}
        if has_id:
            call["id"] = "AbC123xyZ"
        body = completion(None)
        body["choices"][0]["message"]["tool_calls"] = [call]
        flow = streamed(sse([chunk({"tool_calls": [call]}), chunk(None, "tool_calls")]))
        model = ChatOxen(base_url=server.stage(flow if is_streamed else reply(body)).url)
        message = merged(model) if is_streamed else model.invoke("Moo?")
        good, bad = message.tool_calls, message.invalid_tool_calls
        assert len(good) + len(bad) == 1, written
        assert (good or bad)[0]["id"] == "AbC123xyZ" if has_id else len((good or bad)[0]["id"]) == 9
        if args is None:
            raw = bad[0]["args"]
            assert raw == written or json.loads(raw) == written
        else:
            assert good[0]["args"] == args, written
