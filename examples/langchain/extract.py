"""A letter becomes a pydantic object: checked, typed, or an error.

python -m examples.langchain.extract
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from examples.support import LETTER, connection
from langchain_oxen import ChatOxen


class Order(BaseModel):
    """An order, as a customer wrote it."""

    buyer: str
    item: str
    quantity: int = Field(gt=0)
    city: str = Field(description="where it is delivered")


order = ChatOxen(**connection(), temperature=0).with_structured_output(Order).invoke(LETTER)

print(LETTER)
print(f"-> {order!r}")
