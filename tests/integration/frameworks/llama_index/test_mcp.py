"""An agent with the tools of an MCP server that runs in a process of its own."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
from llama_index.tools.mcp import McpToolSpec
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.integration.frameworks.llama_index.scripts import Make, asked, calling, saying

FARM = StdioServerParameters(
    command=sys.executable, args=["-m", "tests.integration.frameworks.mcp_farm"], cwd=Path(__file__).parents[4]
)
CLAY = {"furrows": [{"metres": 80, "soil": "clay"}, {"metres": 20, "soil": "sand"}], "oxen": ["Bill", "Ben"]}
DONE = "Bill and Ben ploughed 80 m of clay, 20 m of sand"


def test_an_agent_calls_the_tools_of_a_server(make: Make) -> None:
    """Nested arguments reach the tool, its results and its failure the model; one server serves both agents.

    The model sees results as Python writes them ("meta=None content=[TextContent(..."): the tool gives back MCP's own
    result, and core makes a text of it. `_create_tool_fn` in
    https://github.com/run-llama/llama_index/blob/main/llama-index-integrations/tools/llama-index-tools-mcp/llama_index/tools/mcp/base.py
    """
    llm, stage = make(calling(("plough", CLAY), ("milk", {"animal": "Bill"})), saying("Ploughed, but not milked."))
    thinking, thoughts = make(
        saying('Thought: I plough.\nAction: plough\nAction Input: {"furrows": [{"metres": 5}], "oxen": ["Ben"]}'),
        saying("Thought: I can answer.\nAnswer: Five metres."),
    )

    async def run() -> list[str]:
        async with stdio_client(FARM) as streams, ClientSession(*streams) as session:
            await session.initialize()
            tools: list[Any] = await McpToolSpec(session).to_tool_list_async()
            agents = FunctionAgent(tools=tools, llm=llm), ReActAgent(tools=tools, llm=thinking)
            return [str(await agent.run("Plough the field.")) for agent in agents]

    assert asyncio.run(run()) == ["Ploughed, but not milked.", "Five metres."]
    [plough, milk] = [tool["function"] for tool in stage.bodies[0]["tools"]]
    assert [plough["name"], milk["name"]] == ["plough", "milk"]
    assert plough["parameters"]["required"] == ["furrows", "oxen"]
    assert DONE in asked(stage)[1]
    assert "Bill gives no milk" in asked(stage)[1]
    assert "Ben ploughed 5 m of clay" in asked(thoughts)[1]
