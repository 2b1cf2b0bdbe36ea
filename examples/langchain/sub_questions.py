"""A question that no single passage answers, taken apart; the parts are answered at once, and put together.

python -m examples.langchain.sub_questions
"""

from __future__ import annotations

from operator import itemgetter

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableBranch, RunnablePassthrough
from pydantic import BaseModel, Field

from examples.support import citations, connection, note
from examples.support.knowledge import options
from examples.support.langchain_store import retriever
from examples.support.waiting import announced, working
from langchain_oxen import ChatOxen


class Parts(BaseModel):
    """The question, taken apart into simpler ones, each of which stands alone."""

    questions: list[str] = Field(max_length=4)


given = options(__doc__, "How large can an SQLite database be, and how many databases can be attached?")
near = retriever(given.qdrant_url, given.documents)
model = ChatOxen(**connection(), temperature=0, max_tokens=200)

prompt = ChatPromptTemplate([("system", citations.SYSTEM), ("user", citations.PROMPT)])
answer_one = (
    RunnablePassthrough.assign(found=itemgetter("question") | near)
    .assign(passages=lambda held: citations.numbered([hit.page_content for hit in held["found"]]))
    .assign(
        answer=RunnableBranch((itemgetter("found"), prompt | model | StrOutputParser()), lambda _: citations.UNKNOWN)
    )
)

note("the small local model does not always take a question apart well")
print(f"{given.question}\n")
with working("The model takes the question apart"):
    take_apart = model.with_structured_output(Parts, method="json_schema")
    parts = take_apart.invoke(f"Take this question apart: {given.question}").questions
with working("The model answers the parts"):
    answers = answer_one.batch([{"question": part} for part in parts])
for one in answers:
    print(f"- {one['question']}\n  {one['answer']}")
    print(*citations.sources(one["answer"], [(h.page_content, h.metadata["source"]) for h in one["found"]]), sep="\n")

known = "\n".join(f"{one['question']} {one['answer']}" for one in answers)
print()
if any(one["found"] for one in answers):
    for chunk in announced(model.stream(f"{known}\n\nAnswer from this alone: {given.question}")):
        print(chunk.text, end="", flush=True)
    print()
else:
    print(citations.UNKNOWN)
