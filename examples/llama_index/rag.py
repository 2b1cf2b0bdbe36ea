"""Answers a question from SQLite's documentation, and cites the passages it rests on.

python -m examples.llama_index.rag "How large can an SQLite database be?"
"""

from __future__ import annotations

import sys

from llama_index.core import ChatPromptTemplate, VectorStoreIndex
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.schema import TextNode

from examples.support import connection, passages, rag
from examples.support.llama_index_embeddings import LocalEmbedding
from llama_index_oxen import Oxen

question = " ".join(sys.argv[1:]) or rag.QUESTION

nodes = [
    TextNode(text=passage.text, metadata={"source": passage.source}, excluded_embed_metadata_keys=["source"])
    for passage in passages()
]
index = VectorStoreIndex(nodes, embed_model=LocalEmbedding())
found = index.as_retriever(similarity_top_k=4).retrieve(question)

prompt = ChatPromptTemplate.from_messages([("system", rag.SYSTEM), ("user", rag.PROMPT)])
llm = Oxen(**connection(), temperature=0, max_tokens=200)
messages = prompt.format_messages(question=question, passages=rag.numbered([hit.text for hit in found]))

print(f"{question}\n")
answer = ChatResponse(message=ChatMessage(content=""))
for answer in llm.stream_chat(messages):
    print(answer.delta, end="", flush=True)

rag.print_sources(answer.message.content or "", [(hit.text, hit.metadata["source"]) for hit in found])
usage = answer.additional_kwargs
print(f"Tokens: {usage['prompt_tokens']} in, {usage['completion_tokens']} out")
