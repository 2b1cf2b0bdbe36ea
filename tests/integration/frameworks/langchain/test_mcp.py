"""An agent whose tools and prompt come from an MCP server, a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.prompts import load_mcp_prompt
from langchain_mcp_adapters.tools import load_mcp_tools

from _oxen_transport.testing.replies import text, tool_calls
from tests.history_checks import pairs
from tests.integration.frameworks.checked_server import CheckedServer
from tests.integration.frameworks.langchain.models import model_at

SERVER = Path(__file__).parent.with_name("mcp_farm.py")
FARM = {"transport": "stdio", "command": sys.executable, "args": [str(SERVER)]}
CLAY = {"furrows": [{"metres": 80, "soil": "clay"}], "oxen": ["Bill", "Ben"]}


async def test_an_agent_uses_an_mcp_server(server: CheckedServer) -> None:
    """Three calls at once: nested arguments, a failure, and a result in parts of a tool whose name no request holds."""
    stage = server.stage(
        tool_calls([("plough", CLAY), ("milk", {"animal": "Bill"}), ("farm_names", {})]), text("Ploughed.")
    )
    async with MultiServerMCPClient({"farm": FARM}).session("farm") as session:
        prompt = await load_mcp_prompt(session, "report", arguments={"about": "the oxen"})
        tools = await load_mcp_tools(session)
        state = await create_agent(model_at(stage), tools).ainvoke({"messages": prompt})
    assert [call["name"] for call in state["messages"][1].tool_calls] == ["plough", "milk", "farm.names"]
    assert state["messages"][-1].text == "Ploughed."
    sent = stage.bodies[1]["messages"]
    assert sent[0] == {"role": "user", "content": "Report about the oxen."}
    ploughed, milked, named = pairs(sent).values()
    assert "Bill and Ben ploughed 80 m of clay" in ploughed
    assert "Bill gives no milk" in milked
    assert named.split() == ["Bill", "Ben"]
    assert json.loads(next(iter(pairs(sent)))) == CLAY
