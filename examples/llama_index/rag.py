"""Answers a question from SQLite's documentation, held in Qdrant, and cites the passages it rests on.

python -m examples.llama_index.rag "How large can an SQLite database be?"
"""

from __future__ import annotations

from llama_index.core import ChatPromptTemplate

from examples.support import citations, connection
from examples.support.answers import streamed
from examples.support.knowledge import options
from examples.support.llama_index_store import NEAR, open_index
from examples.support.waiting import announced
from llama_index_oxen import Oxen

given = options(__doc__, citations.QUESTION)
index = open_index(given.qdrant_url, given.documents)

prompt = citations.PROMPT.format(passages="{context_str}", question="{query_str}")
engine = index.as_query_engine(
    llm=Oxen(**connection(), temperature=0, max_tokens=200),
    text_qa_template=ChatPromptTemplate.from_messages([("system", citations.SYSTEM), ("user", prompt)]),
    streaming=True,
    **NEAR,
)

print(f"{given.question}\n")
response = engine.query(given.question)
answer = ""
for text in announced(streamed(response)):
    answer += text
    print(text, end="", flush=True)

citations.print_sources(answer, [(hit.metadata["text"], hit.metadata["source"]) for hit in response.source_nodes])
