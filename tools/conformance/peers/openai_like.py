"""`OpenAILike`, told that its model chats and calls functions."""

from __future__ import annotations

from typing import Any

from llama_index.llms.openai_like import OpenAILike

from llama_index_oxen.testing.conformance import AllTests


class TestOpenAILike(AllTests):
    @property
    def llm_class(self) -> type[OpenAILike]:
        return OpenAILike

    @property
    def llm_params(self) -> dict[str, Any]:
        return {"model": "open-mixtral-8x22b", "is_chat_model": True, "is_function_calling_model": True}

    def pointed_at(self, url: str) -> dict[str, Any]:
        return {"api_base": f"{url}/v1"}

    @property
    def has_logprobs(self) -> bool:
        return True

    @property
    def key_variables(self) -> tuple[str, ...]:
        return ("OPENAI_API_KEY",)
