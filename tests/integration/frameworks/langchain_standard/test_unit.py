"""LangChain's standard unit tests, all ten."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_oxen import ChatOxen

KEY = "sk-test-0123456789abcdefghij"


class TestUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOxen

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"api_key": KEY}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"OXEN_API_KEY": KEY, "OXEN_BASE_URL": "https://oxen.example.com/api/ai"},
            {},
            {"api_key": KEY, "base_url": "https://oxen.example.com/api/ai"},
        )

    @property
    def model_override_value(self) -> str:
        return "mistral-large-2407"
