"""An agent with the tools of a public MCP server, `mcp-server-time`; with a path, those of `mcp-server-git`, too.

python -m examples.langchain.mcp_agent
python -m examples.langchain.mcp_agent . "What are the last two commits about?"
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from langchain.agents import create_agent
from langchain.agents.middleware import ToolCallLimitMiddleware
from langchain_core.messages import HumanMessage
from langchain_mcp_adapters.tools import load_mcp_tools

from examples.support import connection, note
from examples.support.mcp_servers import QUESTION, session
from examples.support.waiting import working
from langchain_oxen import ChatOxen


async def main(repository: str | None = None, question: str = QUESTION) -> None:
    async with AsyncExitStack() as servers:
        tools = await load_mcp_tools(await servers.enter_async_context(session("mcp_server_time")))
        if repository:
            git = await servers.enter_async_context(session("mcp_server_git", "--repository", repository))
            tools += await load_mcp_tools(git)
        note("the small local model may guess, confuse the two places, or call the tool again and again")
        print(question)
        model = ChatOxen(**connection(), temperature=0, max_tokens=300)
        limit = ToolCallLimitMiddleware(run_limit=5, exit_behavior="end")
        agent = create_agent(model, tools=tools, system_prompt="Use the tools.", middleware=[limit])
        with working("The agent works"):
            async for step in agent.astream({"messages": [HumanMessage(question)]}, stream_mode="updates"):
                for message in (message for update in step.values() for message in (update or {}).get("messages", [])):
                    for call in getattr(message, "tool_calls", []):
                        print(f"  calls {call['name']}({call['args']})")
                    if message.text:
                        print(f"  {message.type}: {message.text}")


asyncio.run(main(*sys.argv[1:]))
