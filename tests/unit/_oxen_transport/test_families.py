"""What is special about a model, by its id."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from mistral_common.tokens.tokenizers.mistral import MODEL_NAME_TO_TOKENIZER_CLS, MistralTokenizer

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import ANTHROPIC, GEMINI, GENERIC, MISTRAL, MISTRAL_V7, Family, family
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from tests.tables import each_row

OF_THE_MODEL = ("media", "context_window", "tokenizer")
OLDER = ("open-mixtral-8x22b-2404", "open-mixtral-8x7b", "open-mistral-7b", "open-mistral-nemo", "open-codestral-mamba")
LATER = ("mistral-large-latest", "mistral-large-2411", "mistral-medium-2508", "magistral-small-2507", "devstral-small")
OTHERS = ("gpt-4o-mini", "llama-3.3-70b", "nomistral", "mistralai/llama", "0e3ff3f9-54c7-44a7-b7a6-3a6a5a3a0c1d", "")


@each_row(
    ("known", "models"),
    [
        (MISTRAL, ("open-mixtral-8x22b", " open-mixtral-8x22b ", *OLDER, "mistral-large-2407", "ministral-8b-2410")),
        (MISTRAL, ("pixtral-12b-2409", "codestral-2405", "mistralai/Mixtral-8x22B-Instruct-v0.1")),
        (MISTRAL, ("MISTRALAI/mistral-7B-Instruct-v0.3",)),
        (MISTRAL_V7, LATER),
        (GENERIC, (*OTHERS, "dolphin-mixtral-8x22b")),  # the last was fine-tuned with another template
        (ANTHROPIC, ("claude-sonnet-4-5", "anthropic/claude-haiku")),
        (GEMINI, ("google/gemini-2.5-pro", "gemini-2.5-pro")),
    ],
)
def test_the_family_of_a_model(known: Family, models: tuple[str, ...]) -> None:
    for model in models:
        found = family(model)
        assert dataclasses.replace(found, **{name: getattr(known, name) for name in OF_THE_MODEL}) == known, model


def test_what_the_families_are_known_to_demand() -> None:
    assert (MISTRAL.strict_order, MISTRAL.strict_keys, MISTRAL.content_with_calls) == (True, True, False)
    assert (MISTRAL.tool_call_id, MISTRAL.max_temperature) == ("[a-zA-Z0-9]{9}", 1.5)
    assert (MISTRAL.seed_name, MISTRAL.prefix_key) == ("random_seed", "prefix")
    assert (MISTRAL_V7.content_with_calls, MISTRAL_V7.strict_order) == (True, True)
    assert (GENERIC.seed_name, GENERIC.tool_call_id, GENERIC.context_window) == ("seed", None, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        GENERIC.name = "other"  # type: ignore[misc]


@each_row(
    ("model", "window", "tokenizer", "text_only"),
    [
        ("open-mixtral-8x22b", 64_000, "mistral-v3", True),
        ("mistralai/Mixtral-8x22B-Instruct-v0.1", 64_000, "mistral-v3", True),
        ("open-mixtral-8x7b", 32_000, None, True),  # tokenizer v1
        ("open-mistral-nemo", 128_000, None, True),  # tekken
        ("mixtral-8x22b-wizard", 64_000, None, True),  # who knows
        ("mistral-large-2407", 128_000, "mistral-v3", True),
        ("open-codestral-mamba", None, None, True),
        ("mistral-something-new", None, None, False),
        ("pixtral-12b", 128_000, None, False),
        ("mistral-small-2503", None, None, False),
        ("gpt-4o", None, None, False),
    ],
)
def test_window_tokenizer_and_media(model: str, window: int | None, tokenizer: str | None, text_only: bool) -> None:
    found = family(model)
    assert (found.context_window, found.tokenizer, found.text_only) == (window, tokenizer, text_only)


def test_the_tokenizer_table_agrees_with_mistral_common() -> None:
    for model, make in MODEL_NAME_TO_TOKENIZER_CLS.items():
        if family(model).tokenizer:
            assert make == MistralTokenizer.v3, model


@each_row(
    ("model", "call", "named"),
    [
        ("claude-sonnet-4-5", {"temperature": 0.5, "top_p": 0.9}, "temperature, top_p"),
        ("anthropic/claude-haiku", {"frequency_penalty": 0.5}, "frequency_penalty"),
        ("gemini-2.5-pro", {"presence_penalty": 0.5}, "presence_penalty"),
        ("claude-sonnet-4-5", {"temperature": 1.5}, "temperature"),
        ("gemini-2.5-pro", {"temperature": 0.5, "top_p": 0.9}, ""),
        ("claude-sonnet-4-5", {"temperature": 0.5}, ""),
    ],
)
def test_what_a_family_is_known_to_refuse_is_refused_here_by_name(model: str, call: dict[str, Any], named: str) -> None:
    settings = OxenSettings(base_url="http://127.0.0.1:1", model=model)
    if not named:
        assert build(settings, [{"role": "user", "content": "q"}], call=call).body.items() >= call.items()
        return
    with pytest.raises(OxenConfigError, match=f"^{named}: {model} accepts|^{named}: {model} does not accept"):
        build(settings, [{"role": "user", "content": "q"}], call=call)
