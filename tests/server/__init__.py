"""A scripted server over real sockets: what it sends, when, and how it breaks is up to the test.

    with Server() as server:
        stage = server.stage(reply(error_body("busy"), 503), good)   # first attempt, second and later ones
        ...call stage.url...
        assert [request.json["model"] for request in stage.requests] == ["m", "m"]

`steps` has the words of a script, `answers` builds good ones, `places` has the ports where nobody
answers, `certificates` makes throw-away TLS identities, `scripted` is the server itself.
"""

from __future__ import annotations

from tests.server.answers import (
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
    recorded,
    reply,
    sse,
    streamed,
    whole,
)
from tests.server.certificates import Certificates
from tests.server.places import black_hole, closed_port, mute_port
from tests.server.scripted import Connection, Received, Server, Stage
from tests.server.steps import FIN, HANG, RST, Attempt, Gate, Step, drip

__all__ = [
    "ANSWER",
    "DONE",
    "FIN",
    "HANG",
    "PIECES",
    "RST",
    "TOOL_ARGUMENTS",
    "TOOL_CALL",
    "USAGE",
    "Attempt",
    "Certificates",
    "Connection",
    "Gate",
    "Received",
    "Server",
    "Stage",
    "Step",
    "black_hole",
    "chunk",
    "chunks",
    "closed_port",
    "completion",
    "drip",
    "echo",
    "error_body",
    "event",
    "good",
    "good_tool_call",
    "head",
    "mute_port",
    "open_stream",
    "recorded",
    "reply",
    "sse",
    "streamed",
    "whole",
]
