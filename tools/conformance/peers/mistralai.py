"""`MistralAI`, with a model of its own list: it knows no open-mixtral-8x22b."""

from __future__ import annotations

from typing import Any

from llama_index.llms.mistralai import MistralAI

from llama_index_oxen.testing.conformance import AllTests
from llama_index_oxen.testing.conformance.server import Dialect


class TestMistralAI(AllTests):
    @property
    def llm_class(self) -> type[MistralAI]:
        return MistralAI

    @property
    def llm_params(self) -> dict[str, Any]:
        return {"model": "mistral-large-latest"}

    def pointed_at(self, url: str) -> dict[str, Any]:
        return {"endpoint": url}

    @property
    def dialect(self) -> Dialect:
        """Mistral's own servers, see https://docs.mistral.ai/capabilities/function_calling/."""
        return Dialect(no_text="", calls="all_in_one_chunk", usage_is_asked_for=False)

    @property
    def call_variants(self) -> tuple[str, ...]:
        return ("all_in_one_chunk", "each_in_one_chunk")

    @property
    def key_variables(self) -> tuple[str, ...]:
        return ("MISTRAL_API_KEY",)
