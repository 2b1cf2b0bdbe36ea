"""Three chains at once over one text, each with a second model that steps in where the first does not answer.

python -m examples.langchain.parallel
"""

from __future__ import annotations

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableParallel

from examples.support import LETTER, connection, note
from examples.support.waiting import working
from langchain_oxen import ChatOxen

away = ChatOxen(base_url="http://127.0.0.1:9/v1", api_key="-", max_retries=0)  # nobody listens there
model = away.with_fallbacks([ChatOxen(**connection(), temperature=0, max_tokens=60)])


def chain(task: str) -> Runnable[dict[str, str], str]:
    return ChatPromptTemplate.from_template(task + " In one sentence.\n\n{letter}") | model | StrOutputParser()


all_at_once = RunnableParallel(
    summary=chain("Summarise this letter."),
    wish=chain("What does the writer of this letter want?"),
    reply=chain("Write a friendly reply to this letter."),
)

note("the small local model may repeat the letter in place of an answer")
print(LETTER)
with working("The model answers three times at once"):
    for name, text in all_at_once.invoke({"letter": LETTER}).items():
        print(f"{name}: {text.strip()}")
