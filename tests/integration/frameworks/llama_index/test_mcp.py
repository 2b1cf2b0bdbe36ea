"""An agent with the tools of an MCP server that runs in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent, ReActAgent
from llama_index.tools.mcp import McpToolSpec
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.history_checks import pairs
from tests.integration.frameworks.llama_index.scripts import Make, asked, calling, saying

FARM = StdioServerParameters(command=sys.executable, args=[str(Path(__file__).parents[1] / "mcp_farm.py")])
FIELD = {"furrows": [{"metres": 80, "soil": "clay"}, {"metres": 20, "soil": "sand"}], "oxen": ["Bill", "Ben"]}
CALLS = [("plough", FIELD), ("names", {}), ("farm_weigh", {"ox": "Ben"}), ("farm_weigh", {"ox": "Bill"})]
RESULTS = {
    json.dumps(FIELD, separators=(",", ":")): "Bill and Ben ploughed 80 m of clay, 20 m of sand",
    "{}": "text='Ben'",
    '{"ox":"Ben"}': "{'Ben': 800}",
    '{"ox":"Bill"}': "Bill does not stand still",
}


def test_agents_use_an_mcp_server(make: Make) -> None:
    """Four calls at once, their results and a failure; one name no request can hold; one server serves both agents.

    The model sees results as Python writes them ("meta=None content=[TextContent(..."): the tool gives back MCP's own
    result, and core makes a text of it. `_create_tool_fn` in
    https://github.com/run-llama/llama_index/blob/main/llama-index-integrations/tools/llama-index-tools-mcp/llama_index/tools/mcp/base.py
    """
    llm, stage = make(calling(*CALLS), saying("Ploughed and weighed."))
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

    assert asyncio.run(run()) == ["Ploughed and weighed.", "Five metres."]
    offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in stage.bodies[0]["tools"]}
    assert set(offered) == {"names", "farm_weigh", "plough"}
    assert offered["plough"]["required"] == ["furrows", "oxen"]
    results = pairs(stage.bodies[1]["messages"])  # in the order in which they came
    assert {call: said for call, said in RESULTS.items() if said in results[call]} == RESULTS
    assert "Ben ploughed 5 m of clay" in asked(thoughts)[1]
