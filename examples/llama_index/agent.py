"""An agent that calls two tools and puts what they return into its answer.

python -m examples.llama_index.agent
"""

from __future__ import annotations

import asyncio

from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ToolCallResult

from examples.support import connection
from examples.support.tools import QUESTION, get_title, get_word_count
from llama_index_oxen import Oxen

agent = FunctionAgent(tools=[get_title, get_word_count], llm=Oxen(**connection(), temperature=0))


async def main() -> None:
    print(QUESTION)
    run = agent.run(user_msg=QUESTION)
    async for event in run.stream_events():
        if isinstance(event, ToolCallResult):
            print(f"  tool: {event.tool_output.content}")
        elif isinstance(event, AgentOutput):
            for call in event.tool_calls:
                print(f"  calls {call.tool_name}({call.tool_kwargs})")
    print(f"  ai: {await run}")


asyncio.run(main())
