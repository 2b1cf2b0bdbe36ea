"""Two agents, one hands over to the other; each step is on disk before the next, so a killed run goes on where it was.

python -m examples.langchain.team [--again]
"""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph_swarm import create_handoff_tool, create_swarm

from examples.support import connection, note, team
from examples.support.tools import get_word_count
from examples.support.waiting import working
from langchain_oxen import ChatOxen

kept = team.folder(__doc__, "langchain")
notes = team.Notes(kept)
model = ChatOxen(**connection(), temperature=0, max_tokens=200, parallel_tool_calls=False)

to_clerk = create_handoff_tool(agent_name="clerk", description="Transfer to the clerk, who files notes.")
researcher = create_agent(model, [get_word_count, to_clerk], system_prompt=team.RESEARCHER, name="researcher")
clerk = create_agent(model, [notes.file_note], system_prompt=team.CLERK, name="clerk")
swarm = create_swarm([researcher, clerk], default_active_agent="researcher")

note("the small local model may forget to hand over")
print(team.QUESTION)
with SqliteSaver.from_conn_string(str(kept / "run.sqlite")) as saver:
    agents = swarm.compile(checkpointer=saver)
    config: RunnableConfig = {"configurable": {"thread_id": "one"}, "recursion_limit": 12}
    before = agents.get_state(config)
    if not before.values or before.next:
        begin = None if before.next else {"messages": [HumanMessage(team.QUESTION)]}  # None: go on
        print("  goes on where it was stopped" if before.next else "  begins")
        with working("The agents work"):
            for _, step in agents.stream(begin, config, stream_mode="updates", subgraphs=True, durability="sync"):
                for name in step:
                    print(f"  step: {name}", flush=True)
    print(agents.get_state(config).values["messages"][-1].text)
print(f"Notes: {notes.all()}")
