"""A small MCP server over stdio: nested arguments, results of several kinds, and a tool that fails for most."""

from __future__ import annotations

from typing import Literal

from mcp.server.fastmcp import FastMCP
from mcp.types import TextContent
from pydantic import BaseModel, Field

farm = FastMCP("farm", log_level="ERROR")


class Furrow(BaseModel):
    """A furrow to plough."""

    metres: float = Field(description="its length")
    soil: Literal["clay", "sand"] = "clay"


@farm.tool()
def names() -> list[TextContent]:
    """The names of all oxen."""
    return [TextContent(type="text", text=name) for name in ("Bill", "Ben")]


@farm.tool(name="farm.weigh")
def weigh(ox: str) -> dict[str, int]:
    """Weigh an ox. Returns: kilograms."""
    if ox != "Ben":
        raise ValueError(f"{ox} does not stand still")
    return {ox: 800}


@farm.tool()
def plough(furrows: list[Furrow], oxen: list[str], note: str | None = None) -> str:
    """Plough furrows with oxen."""
    done = ", ".join(f"{furrow.metres:g} m of {furrow.soil}" for furrow in furrows)
    return f"{' and '.join(oxen)} ploughed {done}" + (f" ({note})" if note else "")


@farm.prompt()
def report(about: str) -> str:
    return f"Report about {about}, by name and weight."


if __name__ == "__main__":
    farm.run()
