"""A conversation about SQLite's documentation: "them" in the second question means what the first was about.

python -m examples.langchain.chat
"""

from __future__ import annotations

from operator import itemgetter

from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableBranch, RunnablePassthrough

from examples.support import citations, connection
from examples.support.knowledge import options, turns
from examples.support.langchain_store import retriever
from examples.support.waiting import announced
from langchain_oxen import ChatOxen

given = options(__doc__, citations.QUESTION, "How large can one of them be?")
near = retriever(given.qdrant_url, given.documents)
model = ChatOxen(**connection(), temperature=0, max_tokens=200)

alone = ChatPromptTemplate([MessagesPlaceholder("history"), ("user", citations.ALONE)]) | model | StrOutputParser()
prompt = ChatPromptTemplate([("system", citations.SYSTEM), MessagesPlaceholder("history"), ("user", citations.PROMPT)])
unknown = AIMessageChunk(content=citations.UNKNOWN)
chain = (
    RunnablePassthrough.assign(question=RunnableBranch((itemgetter("history"), alone), itemgetter("question")))
    .assign(found=itemgetter("question") | near)
    .assign(passages=lambda held: citations.numbered([hit.page_content for hit in held["found"]]))
    .assign(answer=RunnableBranch((itemgetter("found"), prompt | model), lambda _: unknown))
)
history: list[BaseMessage] = []

for question in turns(given):
    print(f"{question}\n")
    found: list[Document] = []
    answer = AIMessageChunk(content="")
    for part in announced(chain.stream({"question": question, "history": history})):
        found = part.get("found", found)
        if "answer" in part:
            answer += part["answer"]
            print(part["answer"].text, end="", flush=True)
    citations.print_sources(answer.text, [(hit.page_content, hit.metadata["source"]) for hit in found])
    history += [HumanMessage(question), answer]
    print()
