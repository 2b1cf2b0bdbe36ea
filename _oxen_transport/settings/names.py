"""Other names of our parameters: those that are accepted, and those that only get a hint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ALIASES = {
    "model_name": "model",
    "max_completion_tokens": "max_tokens",
    "stop_sequences": "stop",
    "random_seed": "seed",
    "model_kwargs": "extra_body",
    "additional_kwargs": "extra_body",
    "default_headers": "extra_headers",
    "request_timeout": "timeout",
    "oxen_api_key": "api_key",
    "api_base": "base_url",
    "oxen_api_base": "base_url",
    "async_http_client": "http_async_client",
}
"""Conventional name in LangChain's or LlamaIndex's other packages -> ours."""

SYNONYMS = {
    **dict.fromkeys(("openai_api_key", "mistral_api_key", "key", "token", "api_token"), "api_key"),
    **dict.fromkeys(("openai_api_base", "mistral_api_base", "endpoint", "url", "server_url", "host"), "base_url"),
    **dict.fromkeys(("max_new_tokens", "max_output_tokens", "num_predict", "num_output"), "max_tokens"),
    **dict.fromkeys(("temp", "t"), "temperature"),
    **dict.fromkeys(("num_retries", "retries", "max_attempts"), "max_retries"),
    **dict.fromkeys(("openai_proxy", "proxies", "http_proxy", "https_proxy"), "proxy"),
    **dict.fromkeys(("verify", "verify_ssl", "ssl_context", "ca_certs"), "ca_bundle"),
    **dict.fromkeys(("cert", "client_certificate"), "client_cert"),
    **dict.fromkeys(("num_ctx", "max_context", "context_length"), "context_window"),
    **dict.fromkeys(("headers", "custom_headers"), "extra_headers"),
    **dict.fromkeys(("requests_per_second", "max_concurrent_requests"), "rate_limiter"),
    **dict.fromkeys(("stream",), "streaming"),
    **dict.fromkeys(("client",), "http_client"),
    **dict.fromkeys(("async_client", "aclient"), "http_async_client"),
    **dict.fromkeys(("functions",), "tools"),
    **dict.fromkeys(("function_call",), "tool_choice"),
}
"""Name that people write -> the parameter they mean. Not accepted: values may differ, too."""

STREAM_USAGE = "stream_usage"


def canonical(given: dict[str, Any]) -> dict[str, Any]:
    """The same parameters under our names. Raises: ValueError, if one is given under two names."""
    if given.keys().isdisjoint(ALIASES) and STREAM_USAGE not in given:
        return given
    named: dict[str, Any] = {}
    for name, value in given.items():
        ours = ALIASES.get(name, name)
        if name == STREAM_USAGE:
            if value is None:
                continue
            ours, value = "stream_options", {"include_usage": bool(value)}  # noqa: PLW2901
        if ours in named:
            raise ValueError(f"{ours} was passed twice, once as {name}; keep one of the two")
        named[ours] = value
    return named


def unknown_parameter(name: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> str:
    """What to tell about a parameter that is not `known`, or that belongs to the model object (`elsewhere`)."""
    parameters = list(known)
    if ALIASES.get(name, name) in elsewhere:
        return f"{name!r} is a setting of the model object, not of a call: pass it to the constructor"
    meant = SYNONYMS.get(name.lower())
    if meant not in parameters:  # a guess by spelling never leads a URL into the key
        import difflib  # noqa: PLC0415 - for an error

        candidates = [parameter for parameter in parameters if parameter != "api_key" or "key" in name.lower()]
        meant = next(iter(difflib.get_close_matches(name, candidates, n=1)), None)
    hint = f"did you mean {meant!r}? " if meant else ""
    return f"unknown parameter {name!r}; {hint}Fields that only the provider knows go into extra_body={{...}}"
