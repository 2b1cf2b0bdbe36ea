"""Many letters become pydantic objects, four at a time; a letter that fails is named, and holds up no other.

python -m examples.llama_index.extract_many
"""

from __future__ import annotations

import asyncio

from llama_index.core import PromptTemplate
from llama_index.core.async_utils import run_jobs
from pydantic import BaseModel, Field

from examples.support import LETTERS, connection, note
from llama_index_oxen import Oxen, OxenError


class Order(BaseModel):
    """An order, as a customer wrote it."""

    buyer: str
    item: str
    quantity: int = Field(gt=0)
    city: str = Field(description="where it is delivered")


llm = Oxen(**connection(), temperature=0, max_tokens=100)


async def read(letter: str) -> Order | Exception:
    try:
        return await llm.astructured_predict(Order, PromptTemplate("{letter}"), letter=letter)
    except (OxenError, ValueError) as error:
        return error


note("the small local model may misread a letter")
jobs = [read(letter) for letter in LETTERS]
orders = asyncio.run(run_jobs(jobs, workers=4, show_progress=True, desc="Reading the letters"))

for letter, order in zip(LETTERS, orders, strict=True):
    print(f"{letter[:40]}... -> {order!r}")
print(f"{sum(isinstance(order, Order) for order in orders)} of {len(LETTERS)} read")
