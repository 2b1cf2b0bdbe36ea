"""An agent whose tools and prompt come from an MCP server, a process of its own."""

from __future__ import annotations

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

FARM = {"transport": "stdio", "command": sys.executable, "args": [str(Path(__file__).parents[1] / "mcp_farm.py")]}


async def test_an_agent_uses_an_mcp_server(server: CheckedServer) -> None:
    """Three calls at once: a result in several parts, an object, and a failure; one name no request can hold."""
    calls = [("names", {}), ("farm_weigh", {"ox": "Ben"}), ("farm_weigh", {"ox": "Bill"})]
    stage = server.stage(tool_calls(calls), text("Ben weighs 800 kg."))
    async with MultiServerMCPClient({"farm": FARM}).session("farm") as session:
        prompt = await load_mcp_prompt(session, "report", arguments={"about": "the oxen"})
        tools = await load_mcp_tools(session)
        state = await create_agent(model_at(stage), tools).ainvoke({"messages": prompt})
    assert [call["name"] for call in state["messages"][1].tool_calls] == ["names", "farm.weigh", "farm.weigh"]
    assert state["messages"][-1].text == "Ben weighs 800 kg."
    sent = stage.bodies[1]["messages"]
    assert sent[0] == {"role": "user", "content": "Report about the oxen, by name and weight."}
    results = pairs(sent)
    assert results["{}"].split() == ["Bill", "Ben"]
    assert "800" in results['{"ox":"Ben"}']
    assert "Bill does not stand still" in results['{"ox":"Bill"}']
