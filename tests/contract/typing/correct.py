"""What types a user gets: read by type checkers only."""

from typing import Any, assert_type

from langchain_core.messages import AIMessage
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, SecretStr

from langchain_oxen import ChatOxen, OxenCatalogue, OxenRateLimitError
from llama_index_oxen import Oxen, OxenError, OxenTruncatedStreamError


class Joke(BaseModel):
    setup: str


headers: dict[str, str] = {"X-Team": "blue"}
chat = ChatOxen(model="open-mixtral-8x22b", api_key="sk-made-up", stop="END", extra_headers=headers, max_tokens="fit")
llm = Oxen(model="an/id-that-is-not-listed", api_key=SecretStr("sk-made-up"), stop=["END"], timeout=5, seed=None)

assert_type(chat.api_key, SecretStr | None)
assert_type(llm.stop, list[str] | None)
assert_type(chat.temperature, float | None)
llm.temperature = 0.3
chat.api_key = "sk-another"

assert_type(chat.invoke("Hello"), AIMessage)
assert_type(chat.bind_tools([Joke]).invoke("Hello"), AIMessage)
assert_type(chat.with_structured_output(Joke).invoke("Hello"), Joke)
assert_type(chat.with_structured_output({"title": "joke"}).invoke("Hello"), dict[str, Any])
whole = chat.with_structured_output(Joke, include_raw=True).invoke("Hello")
assert_type(whole["parsed"], Joke | None)
assert_type(whole["raw"], AIMessage)
assert_type(chat.with_retry().bind_tools([Joke]).invoke("Hello"), AIMessage)
assert_type(chat.with_retry().with_structured_output(Joke).invoke("Hello"), Joke)

assert_type(llm.chat([ChatMessage(content="Hello")]), ChatResponse)
assert_type(llm.structured_predict(Joke, PromptTemplate("A joke.")), Joke)
assert_type([model.id for model in OxenCatalogue().list_models()], list[str])
failures: list[type[OxenError]] = [OxenRateLimitError, OxenTruncatedStreamError]
