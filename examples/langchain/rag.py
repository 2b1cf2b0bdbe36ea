"""Answers a question from SQLite's documentation, held in Qdrant, and cites the passages it rests on.

python -m examples.langchain.rag "How large can an SQLite database be?"
"""

from __future__ import annotations

from operator import itemgetter

from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnablePassthrough

from examples.support import citations, connection
from examples.support.knowledge import options
from examples.support.langchain_store import retriever
from examples.support.waiting import announced
from langchain_oxen import ChatOxen

given = options(__doc__, citations.QUESTION)
near = retriever(given.qdrant_url, given.documents)

model = ChatOxen(**connection(), temperature=0, max_tokens=200)
prompt = ChatPromptTemplate([("system", citations.SYSTEM), ("user", citations.PROMPT)])
unknown = AIMessageChunk(content=citations.UNKNOWN)  # nothing was found: there is nothing to ask the model
chain = (
    RunnablePassthrough.assign(found=itemgetter("question") | near)
    .assign(passages=lambda held: citations.numbered([hit.page_content for hit in held["found"]]))
    .assign(answer=RunnableBranch((itemgetter("found"), prompt | model), lambda _: unknown))
)

print(f"{given.question}\n")
found: list[Document] = []
answer = AIMessageChunk(content="")
for part in announced(chain.stream({"question": given.question})):
    found = part.get("found", found)
    if "answer" in part:
        answer += part["answer"]
        print(part["answer"].text, end="", flush=True)

citations.print_sources(answer.text, [(hit.page_content, hit.metadata["source"]) for hit in found])
if usage := answer.usage_metadata:
    print(f"Tokens: {usage['input_tokens']} in, {usage['output_tokens']} out")
