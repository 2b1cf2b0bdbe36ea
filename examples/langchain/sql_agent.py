"""An agent that asks a real SQLite database, read-only, through LangChain's `SQLDatabaseToolkit`.

python -m examples.langchain.sql_agent "Which country has the most time zones?"
"""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_community.agent_toolkits import SQLDatabaseToolkit
from langchain_community.utilities import SQLDatabase
from langchain_core.messages import HumanMessage

from examples.support import connection, note
from examples.support.database import options
from examples.support.waiting import working
from langchain_oxen import ChatOxen

given = options(__doc__)
model = ChatOxen(**connection(), temperature=0, max_tokens=300)
toolkit = SQLDatabaseToolkit(db=SQLDatabase(given.engine), llm=model)
agent = create_agent(model, tools=toolkit.get_tools(), system_prompt="Answer by querying the SQLite database.")

note("the small local model may query wrongly, or not at all")
print(given.question)
with working("The agent works"):
    for step in agent.stream(
        {"messages": [HumanMessage(given.question)]}, {"recursion_limit": 12}, stream_mode="updates"
    ):
        for message in (message for update in step.values() for message in update["messages"]):
            for call in getattr(message, "tool_calls", []):
                print(f"  calls {call['name']}({call['args']})")
            if message.text:
                print(f"  {message.type}: {message.text[:300]}")
