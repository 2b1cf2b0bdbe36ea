"""Mistakes that a type checker must find. `# mistake: mypy, pyright`: the others know that pydantic converts texts."""

import langchain_oxen
import llama_index_oxen
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen

chat = ChatOxen(api_key="sk-made-up")
llm = Oxen(api_key="sk-made-up")

ChatOxen(temprature=1)  # mistake
Oxen(temprature=1)  # mistake
ChatOxen("open-mixtral-8x22b")  # mistake
Oxen("open-mixtral-8x22b")  # mistake
ChatOxen(history="mend")  # mistake
Oxen(history="mend")  # mistake
ChatOxen(timeout=None)  # mistake
Oxen(timeout=None)  # mistake
ChatOxen(temperature="hot")  # mistake: mypy, pyright
Oxen(temperature="hot")  # mistake: mypy, pyright
ChatOxen(max_tokens="many")  # mistake: mypy, pyright
Oxen(max_tokens="many")  # mistake: mypy, pyright
ChatOxen(api_key=4711)  # mistake: mypy, pyright
Oxen(stop=7)  # mistake: mypy, pyright, ty
ChatOxen(model=7)  # mistake

chat.temprature = 1  # mistake
llm.temprature = 1  # mistake
chat.invok("Hello")  # mistake
llm.chat("Hello")  # mistake
llm.complete(["Hello"])  # mistake
chat.with_structured_output("no schema")  # mistake
chat.with_structured_output(dict[str, int], method="guess")  # mistake
chat.bind_tools(7)  # mistake

langchain_oxen.ChatOxn("open-mixtral-8x22b")  # mistake
llama_index_oxen.Oxn("open-mixtral-8x22b")  # mistake
