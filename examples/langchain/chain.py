"""A chain whose answer streams to the terminal, word by word.

python -m examples.langchain.chain
"""

from __future__ import annotations

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from examples.support import connection
from langchain_oxen import ChatOxen

prompt = ChatPromptTemplate.from_template("In two sentences: what is {thing}, and what is it good for?")
chain = prompt | ChatOxen(**connection(), temperature=0) | StrOutputParser()

for text in chain.stream({"thing": "version control"}):
    print(text, end="", flush=True)
print()
