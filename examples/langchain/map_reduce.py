"""A text longer than the model's window: cut by exact token counts, each part summarised, then the summaries.

python -m examples.langchain.map_reduce
"""

from __future__ import annotations

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from tqdm import tqdm

from examples.support import connection
from examples.support.long_text import ANSWER, WINDOW, long_text, packed
from examples.support.waiting import announced
from langchain_oxen import ChatOxen

model = ChatOxen(**connection(), temperature=0, max_tokens=ANSWER)
summarise = ChatPromptTemplate.from_template("{text}\n\nSummarise this in three sentences.")

# 8: where the text meets the question there may be a token more
room = WINDOW - ANSWER - 8 - model.get_num_tokens_from_messages(summarise.format_messages(text=""))
tokens = model.get_num_tokens  # by Mixtral's own tokenizer
chain = summarise | model | StrOutputParser()
texts = long_text().split("\n\n")
while len(parts := packed(texts, tokens, room)) > 1:
    print(f"{len(texts)} texts in {len(parts)} parts of {', '.join(str(tokens(part)) for part in parts)} tokens")
    done = chain.batch_as_completed([{"text": part} for part in parts], {"max_concurrency": 4})
    summaries = dict(tqdm(done, total=len(parts), desc="Summarising"))
    texts = [summaries[place] for place in range(len(parts))]

print(f"The rest in one: {tokens(parts[0])} tokens\n")
for text in announced(chain.stream({"text": parts[0]})):
    print(text, end="", flush=True)
print()
