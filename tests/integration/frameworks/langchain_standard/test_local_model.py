"""LangChain's standard integration tests against a real model on this machine: llama.cpp, half a billion weights.

It runs if the weights are here: $OXEN_LOCAL_MODEL, or the cache that `examples` fills. What so small a
model cannot do is named in `TOO_SMALL`, with the reason, and runs in test_ideal_model.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_oxen import ChatOxen


class TestLocalModel(ChatModelIntegrationTests):
    supports_json_mode = True
    supports_anthropic_inputs = True
    enable_vcr_tests = True
    chat_model_class = ChatOxen
    model_override_value = "open-mixtral-8x22b"

    @pytest.fixture(autouse=True)
    def _server(self, local_model_url: str) -> None:
        self.url = local_model_url

    @property
    def chat_model_params(self) -> dict[str, Any]:
        # the server takes any name, and answers under the one it knows
        return {"base_url": self.url, "model": "any", "temperature": 0, "max_tokens": 256, "timeout": 240}

    @property
    def supported_usage_metadata_details(self) -> dict[str, Any]:
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> Any:
        model = ChatOxen(**self.chat_model_params)
        if not stream:
            return model.invoke("Hello")
        first, *rest = list(model.stream("Hello"))
        for chunk in rest:
            first += chunk
        return first
