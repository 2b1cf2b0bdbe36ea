"""A prompt whose answer streams to the terminal, word by word.

python -m examples.llama_index.chain
"""

from __future__ import annotations

from llama_index.core import PromptTemplate

from examples.support import connection
from llama_index_oxen import Oxen

prompt = PromptTemplate("In two sentences: what is {thing}, and what is it good for?")
llm = Oxen(**connection(), temperature=0)

for text in llm.stream(prompt, thing="version control"):
    print(text, end="", flush=True)
print()
