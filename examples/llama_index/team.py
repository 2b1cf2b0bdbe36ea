"""Two agents, one hands over to the other; each step is on disk before the next, so a killed run goes on where it was.

python -m examples.llama_index.team [--again]
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import BaseTool
from llama_index.core.workflow import Context, JsonPickleSerializer

from examples.support import connection, note, team
from examples.support.cache import replaced
from examples.support.tools import get_word_count
from examples.support.waiting import working
from llama_index_oxen import Oxen

kept = team.folder(__doc__, "llama_index")
notes, state, result = team.Notes(kept), kept / "run.json", kept / "answer.txt"
form = JsonPickleSerializer()
llm = Oxen(**connection(), temperature=0, max_tokens=200)


def agent(name: str, tools: list[BaseTool | Callable[..., Any]], prompt: str, to: list[str]) -> FunctionAgent:
    return FunctionAgent(
        name=name, description=name, tools=tools, llm=llm, system_prompt=prompt, can_handoff_to=to, streaming=False
    )


researcher = agent("researcher", [get_word_count], team.RESEARCHER, ["clerk"])
clerk = agent("clerk", [notes.file_note], team.CLERK, [])
agents = AgentWorkflow(agents=[researcher, clerk], root_agent="researcher")


async def main() -> None:
    note("the small local model may forget to hand over")
    print(team.QUESTION)
    if not result.exists():
        stopped = state.exists()
        print("  goes on where it was stopped" if stopped else "  begins")
        context = Context.from_dict(agents, json.loads(state.read_text()), form) if stopped else Context(agents)
        with working("The agents work"):
            memory = ChatMemoryBuffer.from_defaults(token_limit=3_000)
            run = agents.run(ctx=context) if stopped else agents.run(team.QUESTION, memory=memory, ctx=context)
            async for event in run.stream_events():
                with replaced(state) as new:
                    new.write_text(json.dumps(run.ctx.to_dict(form)))
                print(f"  step: {type(event).__name__}", flush=True)
            with replaced(result) as new:
                new.write_text(str(await run))
    print(result.read_text())
    print(f"Notes: {notes.all()}")


asyncio.run(main())
