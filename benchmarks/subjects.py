"""Who is measured: how each of ours, of the peers and of the floors is made."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks import floors, network
from benchmarks.cases import BEFORE
from benchmarks.subject import KEY, LangChain, LlamaIndex, Subject


def _oxen_langchain(url: str, **more: Any) -> Any:
    from langchain_oxen import ChatOxen

    return ChatOxen(api_key=KEY, base_url=url, **more)


def _oxen_llama_index(url: str, **more: Any) -> Any:
    from llama_index_oxen import Oxen

    return Oxen(api_key=KEY, base_url=url, **more)


def _chat_openai(url: str) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(api_key=KEY, base_url=url, model="open-mixtral-8x22b", stream_usage=True)  # type: ignore[arg-type]


def _chat_openai_on_aiohttp(url: str) -> Any:
    from langchain_openai import ChatOpenAI
    from openai import DefaultAioHttpClient

    return ChatOpenAI(
        api_key=KEY,  # type: ignore[arg-type]
        base_url=url,
        model="open-mixtral-8x22b",
        stream_usage=True,
        http_async_client=DefaultAioHttpClient(),
    )


def _chat_mistral(url: str) -> Any:
    from langchain_mistralai import ChatMistralAI
    from langchain_mistralai.chat_models import global_ssl_context

    if url.startswith("https"):  # it takes certifi's authorities, whatever the environment says
        global_ssl_context.load_verify_locations(os.environ["SSL_CERT_FILE"])
    # its default pool of 100 connections would be measured in the row of a thousand streams, and is: as it comes
    return ChatMistralAI(api_key=KEY, endpoint=url, model="open-mixtral-8x22b")  # type: ignore[call-arg, arg-type]


def _chat_openrouter(url: str) -> Any:
    from langchain_openrouter import ChatOpenRouter

    return ChatOpenRouter(api_key=KEY, base_url=url, model="open-mixtral-8x22b")  # type: ignore[arg-type]


def _openai_like(url: str) -> Any:
    from llama_index.llms.openai_like import OpenAILike  # type: ignore[import-not-found]  # in results/peers

    return OpenAILike(
        api_key=KEY, api_base=url, model="open-mixtral-8x22b", is_chat_model=True, is_function_calling_model=True
    )


def _llama_index_mistral(url: str) -> Any:
    from llama_index.llms.mistralai import MistralAI

    return MistralAI(api_key=KEY, endpoint=url, model="mistral-large-latest")  # it takes no name it does not know


def subject(name: str) -> Subject:
    """The subject of this name."""
    made: dict[str, Callable[[], Subject]] = {
        "ChatOxen": lambda: LangChain(_oxen_langchain),
        "ChatOpenAI": lambda: LangChain(_chat_openai),
        "ChatOpenAI on aiohttp": lambda: LangChain(_chat_openai_on_aiohttp),
        "ChatMistralAI": lambda: LangChain(_chat_mistral),
        "ChatOpenRouter": lambda: LangChain(_chat_openrouter),
        "Oxen": lambda: LlamaIndex(_oxen_llama_index),
        "OpenAILike": lambda: LlamaIndex(_openai_like),
        "MistralAI": lambda: LlamaIndex(_llama_index_mistral),
        "langchain-core": lambda: LangChain(floors.langchain_floor),
        "llama-index-core": lambda: LlamaIndex(floors.llama_index_floor),
        "httpx": network.Httpx,
        "aiohttp": network.Aiohttp,
    }
    # an older commit's class is made the same way, from the packages that its process sees
    now = {before: name for name, before in BEFORE.items()}
    return made[now.get(name, name)]()
