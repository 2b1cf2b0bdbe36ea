"""A small MCP server over stdio; one of its tools fails for most."""

from __future__ import annotations

from mcp.server.fastmcp import FastMCP
from mcp.types import TextContent

farm = FastMCP("farm", log_level="ERROR")


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


@farm.prompt()
def report(about: str) -> str:
    return f"Report about {about}, by name and weight."


if __name__ == "__main__":
    farm.run()
