"""An agent with the tools of a public MCP server, `mcp-server-time`; with a path, those of `mcp-server-git`, too.

python -m examples.llama_index.mcp_agent
python -m examples.llama_index.mcp_agent . "What are the last two commits about?"
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ToolCallResult
from llama_index.tools.mcp import McpToolSpec

from examples.support import connection, note
from examples.support.mcp_servers import GONE, QUESTION, session
from examples.support.waiting import working
from llama_index_oxen import Oxen


async def main(repository: str | None = None, question: str = QUESTION) -> None:
    async with AsyncExitStack() as servers:
        tools = await McpToolSpec(await servers.enter_async_context(session("mcp_server_time"))).to_tool_list_async()
        if repository:
            git = await servers.enter_async_context(session("mcp_server_git", "--repository", repository))
            tools += await McpToolSpec(git).to_tool_list_async()
        note("the small local model may guess, confuse the two places, or call the tool again and again")
        print(question)
        llm = Oxen(**connection(), temperature=0, max_tokens=300)
        agent = FunctionAgent(tools=[*tools], llm=llm, system_prompt="Use the tools.")
        with working("The agent works"):
            run = agent.run(question, max_iterations=6, early_stopping_method="generate")
            async for event in run.stream_events():
                if isinstance(event, ToolCallResult):
                    output = event.tool_output
                    if isinstance(output.exception, GONE):
                        raise output.exception  # the server is gone: the model could only call it again
                    print(f"  tool: {output.content if output.is_error else output.raw_output.content[0].text}")
                elif isinstance(event, AgentOutput):
                    for call in event.tool_calls:
                        print(f"  calls {call.tool_name}({call.tool_kwargs})")
            print(f"  ai: {await run}")


asyncio.run(main(*sys.argv[1:]))
