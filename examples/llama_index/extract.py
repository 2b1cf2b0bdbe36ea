"""A letter becomes a pydantic object: checked, typed, or an error.

python -m examples.llama_index.extract
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from examples.support import LETTER, connection
from llama_index_oxen import Oxen


class Order(BaseModel):
    """An order, as a customer wrote it."""

    buyer: str
    item: str
    quantity: int = Field(gt=0)
    city: str = Field(description="where it is delivered")


order = Oxen(**connection(), temperature=0).as_structured_llm(Order).complete(LETTER).raw

print(LETTER)
print(f"-> {order!r}")
