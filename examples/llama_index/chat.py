"""A conversation about SQLite's documentation: "them" in the second question means what the first was about.

python -m examples.llama_index.chat
"""

from __future__ import annotations

from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.memory import Memory

from examples.support import citations, connection
from examples.support.answers import streamed
from examples.support.knowledge import options, turns
from examples.support.llama_index_store import NEAR, open_index
from examples.support.waiting import announced
from llama_index_oxen import Oxen

given = options(__doc__, citations.QUESTION, "How large can one of them be?")
index = open_index(given.qdrant_url, given.documents)

engine = index.as_chat_engine(
    chat_mode=ChatMode.CONDENSE_PLUS_CONTEXT,
    llm=Oxen(**connection(), temperature=0, max_tokens=200),
    memory=Memory.from_defaults(token_limit=3_000),
    system_prompt=citations.SYSTEM,
    context_prompt=citations.PROMPT.format(passages="{context_str}", question="the user's last one"),
    condense_prompt="{chat_history}\nuser: " + citations.ALONE + "\nassistant:",
    **NEAR,
)

for question in turns(given):
    print(f"{question}\n")
    response = engine.stream_chat(question)
    answer = ""
    for text in announced(streamed(response)):
        answer += text
        print(text, end="", flush=True)
    citations.print_sources(answer, [(hit.metadata["text"], hit.metadata["source"]) for hit in response.source_nodes])
    print()
