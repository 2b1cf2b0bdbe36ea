"""The classes that are compared, each as its makers say to point it at an OpenAI-compatible server."""

from __future__ import annotations

from typing import Any

MODEL = "open-mixtral-8x22b"
KEY = "sk-test-0123456789"


def chat_oxen(url: str, **options: Any) -> Any:
    from langchain_oxen import ChatOxen

    return ChatOxen(base_url=url, api_key=KEY, model=MODEL, **options)


def chat_openai(url: str, **options: Any) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(base_url=url, api_key=KEY, model=MODEL, **options)


def chat_mistral(url: str, **options: Any) -> Any:
    from langchain_mistralai import ChatMistralAI

    if "timeout" in options:
        options["timeout"] = int(options["timeout"])  # it takes whole seconds
    return ChatMistralAI(base_url=url, api_key=KEY, model_name=MODEL, **options)


def chat_openrouter(url: str, **options: Any) -> Any:
    from langchain_openrouter import ChatOpenRouter

    if "timeout" in options:
        options["timeout"] = int(options["timeout"] * 1000)  # it takes milliseconds
    return ChatOpenRouter(base_url=url, api_key=KEY, model=MODEL, **options)


SUBJECTS: dict[str, tuple[Any, str]] = {
    "ChatOxen": (chat_oxen, "oxen-integrations"),
    "ChatOpenAI(base_url)": (chat_openai, "langchain-openai"),
    "ChatMistralAI": (chat_mistral, "langchain-mistralai"),
    "ChatOpenRouter": (chat_openrouter, "langchain-openrouter"),
}
