"""What is not a failure of the network reaches the caller as it is, and is never retried."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from _oxen_transport.response import stream
from _oxen_transport.testing import Server, good
from tests.entry_points import EntryPoint, each, entry_points, own_client
from tests.tables import each_row


@each_row("bug", [TypeError, KeyError, AssertionError, RuntimeError])
@each(*entry_points())
def test_a_bug_of_a_client_handed_in(bug: type[Exception], api: EntryPoint) -> None:
    calls = []

    def fail(request: Any) -> Any:
        calls.append(request)
        raise bug("my bug")

    own = own_client(api, transport=httpx.MockTransport(fail))
    with pytest.raises(bug, match="my bug"):
        api.ask(api.make("http://127.0.0.1:9/api", **own))
    assert len(calls) == 1


@each(*entry_points(streams=True))
def test_a_bug_of_our_own(api: EntryPoint, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise TypeError("our bug")

    monkeypatch.setattr(stream.StreamReader, "feed", fail)
    stage = server.stage(good)
    with pytest.raises(TypeError, match="our bug"):
        api.ask(api.make(stage.url))
    assert len(stage.requests) == 1
    assert stage.released(10), "its connection is closed"
