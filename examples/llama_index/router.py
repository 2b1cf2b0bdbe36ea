"""Two sets of documents, and a model that chooses which of them answers a question: `RouterQueryEngine`.

python -m examples.llama_index.router "What is WAL mode?"
"""

from __future__ import annotations

from pathlib import Path

from llama_index.core import ChatPromptTemplate
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.tools import QueryEngineTool

from examples.support import citations, connection, note
from examples.support.answers import streamed
from examples.support.corpus import MANUAL
from examples.support.knowledge import options
from examples.support.llama_index_store import NEAR, open_index
from examples.support.waiting import announced
from llama_index_oxen import Oxen

given = options(__doc__, "What does the error OxenTruncatedStreamError mean?")
llm = Oxen(**connection(), temperature=0, max_tokens=200)
prompt = citations.PROMPT.format(passages="{context_str}", question="{query_str}")
template = ChatPromptTemplate.from_messages([("system", citations.SYSTEM), ("user", prompt)])


def tool(name: str, folder: Path, about: str) -> QueryEngineTool:
    index = open_index(given.qdrant_url, folder)
    engine = index.as_query_engine(llm=llm, text_qa_template=template, streaming=True, **NEAR)
    return QueryEngineTool.from_defaults(engine, name=name, description=about)


tools = [
    tool("sqlite", given.documents, "about the SQLite database"),
    tool("oxen", MANUAL, "about this library, Oxen, and its errors"),
]
engine = RouterQueryEngine.from_defaults(tools, llm=llm)

note("the small local model may choose the wrong documents, or read them wrongly")
response = engine.query(given.question)
chosen = (response.metadata or {})["selector_result"].ind
print(f"{given.question}\n-> {tools[chosen].metadata.name}\n")
answer = ""
for text in announced(streamed(response)):
    answer += text
    print(text, end="", flush=True)

citations.print_sources(answer, [(hit.metadata["text"], hit.metadata["source"]) for hit in response.source_nodes])
