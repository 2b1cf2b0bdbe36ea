"""Two sets of documents, and a model that chooses which of them answers a question.

python -m examples.langchain.router "What is WAL mode?"
"""

from __future__ import annotations

from typing import Literal

from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel

from examples.support import citations, connection, note
from examples.support.corpus import MANUAL
from examples.support.knowledge import options
from examples.support.langchain_store import retriever
from examples.support.waiting import announced
from langchain_oxen import ChatOxen


class Choice(BaseModel):
    """Which documents answer the question: `sqlite` is about the database, `oxen` about this library and its errors."""

    documents: Literal["sqlite", "oxen"]


given = options(__doc__, "What does the error OxenTruncatedStreamError mean?")
near = {name: retriever(given.qdrant_url, folder) for name, folder in [("sqlite", given.documents), ("oxen", MANUAL)]}

model = ChatOxen(**connection(), temperature=0, max_tokens=200)
prompt = ChatPromptTemplate([("system", citations.SYSTEM), ("user", citations.PROMPT)])

note("the small local model may choose the wrong documents, or read them wrongly")
choice = model.with_structured_output(Choice, method="json_schema").invoke(given.question)
print(f"{given.question}\n-> {choice.documents}\n")
found = near[choice.documents].invoke(given.question)
texts = [hit.page_content for hit in found]
asked = {"question": given.question, "passages": citations.numbered(texts)}
answer = ""
for chunk in announced((prompt | model).stream(asked) if found else []):
    answer += chunk.text
    print(chunk.text, end="", flush=True)

citations.print_sources(answer, [(hit.page_content, hit.metadata["source"]) for hit in found])
