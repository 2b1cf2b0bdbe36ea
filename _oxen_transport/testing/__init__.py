"""A scripted server over real sockets: what it sends, when, and how it breaks is up to the test.

`OxenServer` is the form for users' tests (the fixture `oxen_server`): it knows the API's endpoints, and its
script is written in a model's words. Below it is the server itself, scripted by the byte:

    with Server() as server:
        stage = server.stage(reply(error_body("busy"), 503), good)   # first attempt, second and later ones
        ...call stage.url...
        assert [request.json["model"] for request in stage.requests] == ["m", "m"]

`steps` has the words of a script, `answers` builds good ones, `ports` has the ports where nobody
answers, `server` and `connection` are the server itself.
"""

from __future__ import annotations

from _oxen_transport.testing.answers import (
    ANSWER,
    DONE,
    PIECES,
    TOOL_ARGUMENTS,
    TOOL_CALL,
    USAGE,
    chunk,
    chunks,
    completion,
    echo,
    error_body,
    event,
    good,
    good_tool_call,
    head,
    open_stream,
    reply,
    sse,
    streamed,
    whole,
)
from _oxen_transport.testing.catalogue import MIXTRAL
from _oxen_transport.testing.connection import Connection, Received
from _oxen_transport.testing.oxen_server import TEST_KEY, OxenServer
from _oxen_transport.testing.ports import black_hole, closed_port, mute_port
from _oxen_transport.testing.server import Server, Stage
from _oxen_transport.testing.steps import FIN, HANG, RST, Attempt, Gate, Step, drip

__all__ = [
    "ANSWER", "DONE", "FIN", "HANG", "MIXTRAL", "PIECES", "RST", "TEST_KEY", "TOOL_ARGUMENTS", "TOOL_CALL", "USAGE",
    "Attempt", "Connection", "Gate", "OxenServer", "Received", "Server", "Stage", "Step", "black_hole", "chunk",
    "chunks", "closed_port", "completion", "drip", "echo", "error_body", "event", "good", "good_tool_call", "head",
    "mute_port", "open_stream", "reply", "sse", "streamed", "whole",
]  # fmt: skip
