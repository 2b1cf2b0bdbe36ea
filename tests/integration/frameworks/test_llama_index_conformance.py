"""`Oxen` in the conformance suite for LlamaIndex's LLM classes (llama_index_oxen.testing)."""

from __future__ import annotations

from typing import Any

import pytest

from llama_index_oxen import Oxen
from llama_index_oxen.testing.conformance import AllTests


class TestOxen(AllTests):
    @pytest.fixture(autouse=True)
    def _fast_retries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One host serves all tests; one test's outage must not use up the next one's retries."""
        from _oxen_transport import retry

        retry.forget_budgets()

    @property
    def llm_class(self) -> type[Oxen]:
        return Oxen

    @property
    def llm_params(self) -> dict[str, Any]:
        return {"model": "open-mixtral-8x22b"}

    def pointed_at(self, url: str) -> dict[str, Any]:
        return {"base_url": url}

    @property
    def key_variables(self) -> tuple[str, ...]:
        return ("OXEN_API_KEY",)

    @property
    def has_logprobs(self) -> bool:
        return True
