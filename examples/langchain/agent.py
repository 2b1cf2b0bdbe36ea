"""An agent that calls two tools and puts what they return into its answer.

python -m examples.langchain.agent
"""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from examples.support import connection
from examples.support.tools import QUESTION, get_title, get_word_count
from langchain_oxen import ChatOxen

agent = create_agent(ChatOxen(**connection(), temperature=0), tools=[get_title, get_word_count])

print(QUESTION)
for step in agent.stream({"messages": [HumanMessage(QUESTION)]}, stream_mode="updates"):
    for message in (message for update in step.values() for message in update["messages"]):
        for call in getattr(message, "tool_calls", []):
            print(f"  calls {call['name']}({call['args']})")
        if message.text:
            print(f"  {message.type}: {message.text}")
