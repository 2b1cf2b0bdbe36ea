"""Public MCP servers, as child processes over stdio: they end with the block that opened them, however it ends."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client

from examples.support.endings import ExampleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[2]
QUESTION = "When it is 09:00 in Europe/Stockholm, what time is it in Asia/Tokyo?"


@asynccontextmanager
async def session(module: str, *arguments: str) -> AsyncIterator[ClientSession]:
    """A conversation with the server `python -m module`. Raises: ExampleError, if it does not start or dies."""
    server = StdioServerParameters(command=sys.executable, args=["-m", module, *arguments])
    try:
        async with stdio_client(server) as streams, ClientSession(*streams) as talk:
            await talk.initialize()
            yield talk
    except* (McpError, OSError) as errors:
        raise ExampleError(
            f"The MCP server {module} did not start, or ended in the middle of a call ({errors.exceptions[0]}): "
            f"see what `python -m {module}` says, then run the example again."
        ) from errors
