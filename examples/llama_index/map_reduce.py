"""A text longer than the model's window: `TreeSummarize`, which cuts it by Mixtral's own tokenizer.

python -m examples.llama_index.map_reduce
"""

from __future__ import annotations

from llama_index.core import PromptHelper, PromptTemplate
from llama_index.core.response_synthesizers import TreeSummarize
from llama_index.core.schema import NodeWithScore, TextNode

from examples.support import connection
from examples.support.answers import streamed
from examples.support.long_text import ANSWER, WINDOW, long_text
from examples.support.waiting import announced, working
from llama_index_oxen import Oxen, tokenizer

llm = Oxen(**connection(), temperature=0, max_tokens=ANSWER)
summarise = PromptTemplate("{context_str}\n\n{query_str}")
text = long_text()

helper = PromptHelper(
    context_window=WINDOW - 16,  # what the chat template puts around a message
    num_output=ANSWER,
    chunk_overlap_ratio=0,
    tokenizer=tokenizer(),
)
parts = helper.repack(summarise.partial_format(query_str="Summarise this in three sentences."), [text], llm=llm)
print(f"1 text in {len(parts)} parts of {', '.join(str(len(tokenizer()(part))) for part in parts)} tokens\n")

tree = TreeSummarize(llm=llm, prompt_helper=helper, summary_template=summarise, streaming=True)
with working("The model summarises the parts"):
    response = tree.synthesize("Summarise this in three sentences.", [NodeWithScore(node=TextNode(text=text))])
for piece in announced(streamed(response)):
    print(piece, end="", flush=True)
print()
