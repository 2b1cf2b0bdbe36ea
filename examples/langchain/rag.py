"""Answers a question from SQLite's documentation, and cites the passages it rests on.

python -m examples.langchain.rag "How large can an SQLite database be?"
"""

from __future__ import annotations

import sys

from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore

from examples.support import connection, passages, rag
from examples.support.langchain_embeddings import LocalEmbeddings
from langchain_oxen import ChatOxen

question = " ".join(sys.argv[1:]) or rag.QUESTION

store = InMemoryVectorStore(LocalEmbeddings())
store.add_documents([Document(passage.text, metadata={"source": passage.source}) for passage in passages()])
found = store.similarity_search(question, k=4)

prompt = ChatPromptTemplate([("system", rag.SYSTEM), ("user", rag.PROMPT)])
chain = prompt | ChatOxen(**connection(), temperature=0, max_tokens=200)

print(f"{question}\n")
answer = AIMessageChunk(content="")
for chunk in chain.stream({"question": question, "passages": rag.numbered([hit.page_content for hit in found])}):
    print(chunk.text, end="", flush=True)
    if isinstance(chunk, AIMessageChunk):
        answer = add_ai_message_chunks(answer, chunk)

rag.print_sources(answer.text, [(hit.page_content, hit.metadata["source"]) for hit in found])
if usage := answer.usage_metadata:
    print(f"Tokens: {usage['input_tokens']} in, {usage['output_tokens']} out")
