"""What becomes of a call's arguments, through `ChatOxen`."""

from __future__ import annotations

import json
from typing import Any

from _oxen_transport.testing import Server, chunk, completion, reply, sse, streamed
from tests.entry_points import LangChain
from tests.tables import each_row

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
        api = LangChain(is_async=False, streams=is_streamed)
        message = api.ask(api.make(server.stage(flow if is_streamed else reply(body)).url)).raw
        good, bad = message.tool_calls, message.invalid_tool_calls
        assert len(good) + len(bad) == 1, written
        assert (good or bad)[0]["id"] == "AbC123xyZ" if has_id else len((good or bad)[0]["id"]) == 9
        if args is None:
            raw = bad[0]["args"]
            assert raw == written or json.loads(raw) == written
        else:
            assert good[0]["args"] == args, written
