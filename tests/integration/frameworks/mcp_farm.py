"""A small MCP server over stdio: `python -m tests.integration.frameworks.mcp_farm`; one of its tools fails."""

from __future__ import annotations

from typing import Literal

from mcp.server.fastmcp import FastMCP
from mcp.types import TextContent
from pydantic import BaseModel, Field

server = FastMCP("farm", log_level="ERROR")


class Furrow(BaseModel):
    """A furrow to plough."""

    metres: float = Field(description="its length")
    soil: Literal["clay", "sand"] = "clay"


@server.tool()
def plough(furrows: list[Furrow], oxen: list[str], note: str | None = None) -> str:
    """Plough furrows with oxen."""
    done = ", ".join(f"{furrow.metres:g} m of {furrow.soil}" for furrow in furrows)
    return f"{' and '.join(oxen)} ploughed {done}" + (f" ({note})" if note else "")


@server.tool()
def milk(animal: str) -> str:
    """Milk an animal."""
    raise ValueError(f"{animal} gives no milk")


@server.tool(name="farm.names")
def names() -> list[TextContent]:
    """The names of all oxen, each a part of its own."""
    return [TextContent(type="text", text=name) for name in ("Bill", "Ben")]


@server.prompt()
def report(about: str) -> str:
    return f"Report about {about}."


if __name__ == "__main__":
    server.run("stdio")
