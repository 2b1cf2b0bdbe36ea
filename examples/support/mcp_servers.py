"""Public MCP servers, as child processes over stdio: they end with the block that opened them, however it ends."""

from __future__ import annotations

import sys
import tempfile
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from anyio import BrokenResourceError, ClosedResourceError
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client

from examples.support.endings import ExampleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUESTION = "When it is 09:00 in Europe/Stockholm, what time is it in Asia/Tokyo?"
GONE = (McpError, ClosedResourceError, BrokenResourceError)  # what a call raises if the server ended, or is silent
SILENCE = timedelta(seconds=60)  # that long a server may take to start, and to answer a call


@asynccontextmanager
async def session(module: str, *arguments: str) -> AsyncIterator[ClientSession]:
    """A conversation with the server `python -m module`. Raises: ExampleError, if it does not start or dies."""
    server = StdioServerParameters(command=sys.executable, args=["-m", module, *arguments])
    started = False
    with tempfile.TemporaryFile("w+") as log:  # its standard error, which would be many lines if it fails
        try:
            async with stdio_client(server, log) as (read, write), ClientSession(read, write, SILENCE) as talk:
                await talk.initialize()
                started = True
                yield talk
        except* (*GONE, OSError) as errors:
            log.seek(0)
            what = "ended in the middle of a call, or did not answer it" if started else "did not start"
            reasons = [str(_first(errors)), *(line for line in log if line.strip() and not started)]
            raise ExampleError(
                f"The MCP server {module} {what} ({reasons[-1].strip()}): see what `python -m {module}` says, then run "
                "the example again."
            ) from errors


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
