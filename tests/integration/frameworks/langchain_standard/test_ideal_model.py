"""LangChain's standard integration tests against a model that makes no mistakes.

All 50, as a model that sees and hears; `test_local_model.py` has those of a model that reads text only. The pictures
and sounds, which the tests download, come from here: no test needs the Internet.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.integration_tests import ChatModelIntegrationTests

from _oxen_transport.testing import Server, Stage
from langchain_oxen import ChatOxen
from tools.support.ideal_model import ideal

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")
FILES = {"image": PNG, "pdf": b"%PDF-1.4 ox", "audio": b"RIFF....WAVEfmt "}
_ENDS = {"pdf": (".pdf",), "audio": (".wav", ".mp3"), "image": (".png", ".jpg", ".jpeg")}


class TestSeeingModel(ChatModelIntegrationTests):
    supports_json_mode = True
    supports_anthropic_inputs = True
    enable_vcr_tests = True
    chat_model_class = ChatOxen
    model_override_value = "mistral-large-2407"
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True

    @pytest.fixture(autouse=True)
    def _no_download(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def get(url: str, **_: Any) -> httpx.Response:
            kind = next((kind for kind, ends in _ENDS.items() if url.partition("?")[0].endswith(ends)), "image")
            return httpx.Response(200, content=FILES[kind], request=httpx.Request("GET", url))

        monkeypatch.setattr(httpx, "get", get)
        monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "none is needed")  # else a warning

    @pytest.fixture(autouse=True)
    def _stage(self, server: Server) -> None:
        self.stage: Stage = server.stage(ideal)

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"base_url": self.stage.url, "api_key": "sk-test-0123456789", "model": "qwen3-omni-30b"}

    @property
    def supported_usage_metadata_details(self) -> dict[str, Any]:
        return {way: ["cache_read_input", "reasoning_output"] for way in ("invoke", "stream")}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self._ask(stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._ask(stream=stream)

    def _ask(self, *, stream: bool) -> AIMessage:
        model = ChatOxen(**self.chat_model_params)
        if not stream:
            return model.invoke("Think, ox.")
        full: AIMessageChunk | None = None
        for chunk in model.stream("Think, ox."):
            full = chunk if full is None else full + chunk
        assert full is not None
        return full
