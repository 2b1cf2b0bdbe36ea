"""A question that no single passage answers, taken apart, answered and put together: `SubQuestionQueryEngine`.

python -m examples.llama_index.sub_questions
"""

from __future__ import annotations

from llama_index.core import ChatPromptTemplate, get_response_synthesizer
from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.tools import QueryEngineTool

from examples.support import citations, connection, note
from examples.support.answers import streamed
from examples.support.knowledge import options
from examples.support.llama_index_store import NEAR, open_index
from examples.support.waiting import announced, working
from llama_index_oxen import Oxen

given = options(__doc__, "How large can an SQLite database be, and how many databases can be attached?")
llm = Oxen(**connection(), temperature=0, max_tokens=400)
prompt = citations.PROMPT.format(passages="{context_str}", question="{query_str}")
template = ChatPromptTemplate.from_messages([("system", citations.SYSTEM), ("user", prompt)])

documents = open_index(given.qdrant_url, given.documents).as_query_engine(llm=llm, text_qa_template=template, **NEAR)
engine = SubQuestionQueryEngine.from_defaults(
    [QueryEngineTool.from_defaults(documents, name="sqlite", description="the documentation of the SQLite database")],
    llm=llm,
    question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
    response_synthesizer=get_response_synthesizer(llm=llm, streaming=True),
    verbose=False,
    use_async=False,  # the embedded Qdrant has one client, which is synchronous
)

note("the small local model does not always take a question apart well")
print(f"{given.question}\n")
with working("The model takes the question apart, and answers the parts"):
    response = engine.query(given.question)
parts = [hit.text for hit in response.source_nodes if hit.text.startswith("Sub question:")]
for part in parts:
    print(f"- {part.removeprefix('Sub question: ').replace('Empty Response', citations.UNKNOWN)}")
print()
if len(response.source_nodes) > len(parts):  # there are passages, too
    for text in announced(streamed(response)):
        print(text, end="", flush=True)
    print()
else:
    print(citations.UNKNOWN)
