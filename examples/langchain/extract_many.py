"""Many letters become pydantic objects, four at a time; a letter that fails is named, and holds up no other.

python -m examples.langchain.extract_many
"""

from __future__ import annotations

from pydantic import BaseModel, Field
from tqdm import tqdm

from examples.support import LETTERS, connection, note
from langchain_oxen import ChatOxen


class Order(BaseModel):
    """An order, as a customer wrote it."""

    buyer: str
    item: str
    quantity: int = Field(gt=0)
    city: str = Field(description="where it is delivered")


chain = ChatOxen(**connection(), temperature=0, max_tokens=100).with_structured_output(Order, method="json_schema")
note("the small local model may misread a letter")
orders: list[Order | Exception] = [ValueError()] * len(LETTERS)
answers = chain.batch_as_completed(LETTERS, {"max_concurrency": 4}, return_exceptions=True)
for place, order in tqdm(answers, total=len(LETTERS), desc="Reading the letters"):
    orders[place] = order

for letter, order in zip(LETTERS, orders, strict=True):
    print(f"{letter[:40]}... -> {order!r}")
print(f"{sum(isinstance(order, Order) for order in orders)} of {len(LETTERS)} read")
