"""An answer of claims, each with the words of a passage that bear it; a claim whose words are not there is dropped.

python -m examples.langchain.citations "Is SQLite threadsafe?"
"""

from __future__ import annotations

from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, Field

from examples.support import citations, connection, note
from examples.support.knowledge import options
from examples.support.langchain_store import retriever
from examples.support.waiting import working
from langchain_oxen import ChatOxen


class Claim(BaseModel):
    """One thing that a passage says."""

    statement: str
    passage: int = Field(description="the number of the passage")
    quote: str = Field(max_length=300, description="the words of the passage, copied letter by letter")


class Answer(BaseModel):
    """The answer to the question; no claims if the passages do not hold it."""

    claims: list[Claim] = Field(max_length=3)


given = options(__doc__, "Is SQLite threadsafe?")
found = retriever(given.qdrant_url, given.documents).invoke(given.question)
texts = [" ".join(hit.page_content.split()) for hit in found]

prompt = ChatPromptTemplate([("system", citations.SYSTEM), ("user", "{passages}\n\nQuestion: {question}")])
chain = prompt | ChatOxen(**connection(), temperature=0, max_tokens=500).with_structured_output(
    Answer, method="json_schema"
)

note("the small local model often copies a whole passage as its quote")
print(f"{given.question}\n")
with working("The model reads"):
    asked = {"passages": citations.numbered(texts), "question": given.question}
    answer = chain.invoke(asked) if texts else Answer(claims=[])

held = [claim for claim in answer.claims if claim.passage in range(1, len(texts) + 1)]
checked = [claim for claim in held if " ".join(claim.quote.split()) in texts[claim.passage - 1]]
sources = {claim.statement: found[claim.passage - 1].metadata["source"] for claim in checked}
for source in dict.fromkeys(sources.values()):
    print(source)
    for claim in (claim for claim in checked if sources[claim.statement] == source):
        print(f'    {claim.statement}\n        "{claim.quote}"')
print(f"{len(checked)} of {len(answer.claims)} claims are quoted rightly" if checked else citations.UNKNOWN)
