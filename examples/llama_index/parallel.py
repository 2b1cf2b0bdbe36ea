"""Three prompts at once over one text, each with a second model that steps in where the first does not answer.

python -m examples.llama_index.parallel
"""

from __future__ import annotations

import asyncio

from llama_index.core import PromptTemplate

from examples.support import LETTER, connection, note
from examples.support.waiting import working
from llama_index_oxen import Oxen, OxenError

TASKS = {
    "summary": "Summarise this letter.",
    "wish": "What does the writer of this letter want?",
    "reply": "Write a friendly reply to this letter.",
}
away = Oxen(base_url="http://127.0.0.1:9/v1", api_key="-", max_retries=0)  # nobody listens there
model = Oxen(**connection(), temperature=0, max_tokens=60)


async def answer(task: str) -> str:
    prompt = PromptTemplate(task + " In one sentence.\n\n{letter}")
    try:
        return await away.apredict(prompt, letter=LETTER)
    except OxenError:
        return await model.apredict(prompt, letter=LETTER)


async def main() -> None:
    note("the small local model may repeat the letter in place of an answer")
    print(LETTER)
    with working("The model answers three times at once"):
        answers = await asyncio.gather(*map(answer, TASKS.values()))
    for name, text in zip(TASKS, answers, strict=True):
        print(f"{name}: {text.strip()}")


asyncio.run(main())
