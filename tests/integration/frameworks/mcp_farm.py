"""A small MCP server over stdio: `python -m tests.integration.frameworks.mcp_farm`; one of its tools fails."""

from __future__ import annotations

from typing import Literal

from mcp.server.fastmcp import FastMCP
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


if __name__ == "__main__":
    server.run("stdio")
