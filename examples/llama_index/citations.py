"""LlamaIndex's `CitationQueryEngine`, and below its answer each citation checked against the source it names.

python -m examples.llama_index.citations "Is SQLite threadsafe?"
"""

from __future__ import annotations

from llama_index.core.query_engine import CitationQueryEngine

from examples.support import citations, connection, note
from examples.support.answers import streamed
from examples.support.knowledge import options
from examples.support.llama_index_store import CLOSE_ENOUGH, open_index
from examples.support.waiting import announced
from llama_index_oxen import Oxen

given = options(__doc__, "Is SQLite threadsafe?")
engine = CitationQueryEngine.from_args(
    open_index(given.qdrant_url, given.documents),
    llm=Oxen(**connection(), temperature=0, max_tokens=200),
    similarity_top_k=4,
    node_postprocessors=[CLOSE_ENOUGH],
    streaming=True,
)

note("the small local model often repeats the prompt's own example instead of citing")
print(f"{given.question}\n")
response = engine.query(given.question)
answer = ""
for text in announced(streamed(response)):
    answer += text
    print(text, end="", flush=True)

citations.print_sources(answer, [(hit.text, hit.metadata["source"]) for hit in response.source_nodes])
