"""An agent that asks a real SQLite database, read-only, through LlamaIndex's `DatabaseToolSpec`.

python -m examples.llama_index.sql_agent "Which country has the most time zones?"
"""

from __future__ import annotations

import asyncio

from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ToolCallResult
from llama_index.tools.database import DatabaseToolSpec

from examples.support import connection, note
from examples.support.database import options
from examples.support.waiting import working
from llama_index_oxen import Oxen

given = options(__doc__)
agent = FunctionAgent(
    tools=[*DatabaseToolSpec(engine=given.engine).to_tool_list()],
    llm=Oxen(**connection(), temperature=0, max_tokens=300),
    system_prompt="Answer by querying the SQLite database.",
)


async def main() -> None:
    note("the small local model may query wrongly, or not at all")
    print(given.question)
    with working("The agent works"):
        run = agent.run(given.question, max_iterations=6, early_stopping_method="generate")
        async for event in run.stream_events():
            if isinstance(event, ToolCallResult):
                print(f"  tool: {event.tool_output.content[:300]}")
            elif isinstance(event, AgentOutput):
                for call in event.tool_calls:
                    print(f"  calls {call.tool_name}({call.tool_kwargs})")
        print(f"  ai: {await run}")


asyncio.run(main())
