"""What nobody can go below: the frameworks without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

from benchmarks.server import WORDS, texts


def _texts(url: str) -> list[str]:
    """What each chunk of an answer says, as the server reads it off the path."""
    kind, *figures = urlsplit(url).path.strip("/").split("/")[0].split("-")
    return texts(kind, int(figures[0])) if figures else []


def langchain_floor(url: str) -> Any:  # noqa: C901 - one class, its methods short
    """A chat model that has its answer already: what langchain-core itself takes.

    Each chunk is made anew, its fields filled in directly: no plugin can hand out one chunk twice.
    """
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.messages.utils import count_tokens_approximately
    from langchain_core.output_parsers import JsonOutputParser
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    parts = _texts(url)
    noted = {"content", "additional_kwargs", "response_metadata", "tool_call_chunks"}

    def filled(made: Any, fields: dict[str, Any], noted: set[str], extra: Any) -> Any:
        object.__setattr__(made, "__dict__", fields)
        object.__setattr__(made, "__pydantic_fields_set__", noted)
        object.__setattr__(made, "__pydantic_extra__", extra)
        object.__setattr__(made, "__pydantic_private__", None)
        return made

    def chunk(text: str) -> ChatGenerationChunk:
        fields: dict[str, Any] = {
            "content": text,
            "additional_kwargs": {},
            "response_metadata": {"model_provider": "floor"},
            "type": "AIMessageChunk",
            "name": None,
            "id": None,
            "tool_calls": [],
            "invalid_tool_calls": [],
            "usage_metadata": None,
            "tool_call_chunks": [],
            "chunk_position": None,
        }
        message = filled(AIMessageChunk.__new__(AIMessageChunk), fields, set(noted), {})
        outer = {"text": text, "generation_info": {}, "type": "ChatGenerationChunk", "message": message}
        return filled(ChatGenerationChunk.__new__(ChatGenerationChunk), outer, {"message", "text"}, None)  # type: ignore[no-any-return]

    class Floor(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "floor"

        def _result(self) -> ChatResult:
            return ChatResult(generations=[ChatGeneration(message=AIMessage("".join(WORDS * 5)))])

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(tools=tools, **kwargs)

        def with_structured_output(self, *args: Any, **kwargs: Any) -> Any:
            return self | JsonOutputParser()

        def get_num_tokens_from_messages(self, messages: Any, tools: Any = None) -> int:
            return count_tokens_approximately(messages)

        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            return self._result()

        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            return self._result()

        def _stream(self, *args: Any, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
            for text in parts:
                made = chunk(text)
                if run_manager:
                    run_manager.on_llm_new_token(made.text, chunk=made)
                yield made

        async def _astream(self, *args: Any, run_manager: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
            for text in parts:
                made = chunk(text)
                if run_manager:
                    await run_manager.on_llm_new_token(made.text, chunk=made)
                yield made

    return Floor()


def llama_index_floor(url: str) -> Any:  # noqa: C901 - as above
    """The same for llama-index-core: its callbacks and events around an answer that is there."""
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
    from llama_index.core.llms.callbacks import llm_chat_callback
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    parts = _texts(url)

    def chunk(text: str, word: str) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content=text), delta=word)

    def chunks() -> Iterator[ChatResponse]:
        text = ""
        for word in parts:
            text += word
            yield chunk(text, word)

    class Floor(FunctionCallingLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(is_chat_model=True, is_function_calling_model=True)

        def _prepare_chat_with_tools(  # type: ignore[override]
            self, tools: Any, user_msg: Any = None, chat_history: Any = None, **_: Any
        ) -> Any:
            return {"messages": [*(chat_history or []), user_msg]}  # schemas can be kept from an earlier call

        @llm_chat_callback()
        def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return chunk("".join(WORDS * 5), "")

        @llm_chat_callback()
        async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
            return chunk("".join(WORDS * 5), "")

        @llm_chat_callback()
        def stream_chat(self, messages: Any, **kwargs: Any) -> Iterator[ChatResponse]:
            return chunks()

        @llm_chat_callback()
        async def astream_chat(self, messages: Any, **kwargs: Any) -> AsyncIterator[ChatResponse]:
            async def gen() -> AsyncIterator[ChatResponse]:
                for made in chunks():
                    yield made

            return gen()

        complete = acomplete = stream_complete = astream_complete = chat

        def get_tool_calls_from_response(self, *args: Any, **kwargs: Any) -> list[Any]:
            return []

    return Floor()
