from __future__ import annotations

import dataclasses

import pytest

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import ANTHROPIC, GEMINI, GENERIC, family
from _oxen_transport.request.build import build
from _oxen_transport.settings import OxenSettings
from tests.tables import each_row

MISTRAL_IDS = [
    "open-mixtral-8x22b",
    "open-mixtral-8x22b-2404",
    "open-mixtral-8x7b",
    "open-mistral-7b",
    "open-mistral-nemo",
    "open-codestral-mamba",
    "mistral-large-2407",
    "ministral-8b-2410",
    "pixtral-12b-2409",
    "codestral-2405",
    "mistralai/Mixtral-8x22B-Instruct-v0.1",
    "MISTRALAI/mistral-7B-Instruct-v0.3",
    " open-mixtral-8x22b ",
]
V7_IDS = ["mistral-large-latest", "mistral-large-2411", "mistral-medium-2508", "magistral-small-2507", "devstral-small"]
OTHER_IDS = [
    "gpt-4o-mini",
    "llama-3.3-70b",
    "dolphin-mixtral-8x22b",  # fine-tuned with another template
    "nomistral",
    "mistralai/llama",
    "0e3ff3f9-54c7-44a7-b7a6-3a6a5a3a0c1d",
    "",
]


@each_row("model", MISTRAL_IDS)
def test_mistral_models_get_mistrals_rules(model):
    known = family(model)
    assert known.name == "mistral"
    assert known.strict_order
    assert known.strict_keys
    assert not known.content_with_calls
    assert known.tool_call_id == "[a-zA-Z0-9]{9}"
    assert known.max_temperature == 1.5
    assert known.seed_name == "random_seed"
    assert known.prefix_key == "prefix"


@each_row("model", V7_IDS)
def test_later_mistral_models_take_text_beside_calls(model):
    known = family(model)
    assert known.name == "mistral-v7"
    assert known.content_with_calls
    assert known.strict_order


@each_row("model", OTHER_IDS)
def test_every_other_model_is_generic(model):
    assert family(model) is GENERIC
    assert GENERIC.seed_name == "seed"
    assert GENERIC.tool_call_id is None
    assert GENERIC.context_window is None


def test_claude_wants_tools_beside_calls():
    assert family("claude-sonnet-4-5") is ANTHROPIC
    assert family("anthropic/claude-haiku") is ANTHROPIC


@each_row(
    ("model", "tokens"),
    [
        ("open-mixtral-8x22b", 64_000),
        ("mistralai/Mixtral-8x22B-Instruct-v0.1", 64_000),
        ("open-mixtral-8x7b", 32_000),
        ("mistral-large-2407", 128_000),
        ("mistral-something-new", None),
    ],
)
def test_windows(model, tokens):
    assert family(model).context_window == tokens


@each_row(
    ("model", "tokenizer"),
    [
        ("open-mixtral-8x22b", "mistral-v3"),
        ("mistralai/Mixtral-8x22B-Instruct-v0.1", "mistral-v3"),
        ("open-mixtral-8x7b", None),  # v1
        ("open-mistral-nemo", None),  # tekken
        ("mixtral-8x22b-wizard", None),  # who knows
    ],
)
def test_only_a_known_tokenizer_is_named(model, tokenizer):
    assert family(model).tokenizer == tokenizer


@each_row(
    ("model", "call", "named"),
    [
        ("claude-sonnet-4-5", {"temperature": 0.5, "top_p": 0.9}, "temperature, top_p"),
        ("anthropic/claude-haiku", {"frequency_penalty": 0.5}, "frequency_penalty"),
        ("gemini-2.5-pro", {"presence_penalty": 0.5}, "presence_penalty"),
        ("claude-sonnet-4-5", {"temperature": 1.5}, "temperature"),
    ],
)
def test_what_a_family_is_known_to_refuse_is_refused_here_by_name(model, call, named):
    settings = OxenSettings(base_url="http://127.0.0.1:1", model=model)
    with pytest.raises(OxenConfigError, match=f"^{named}: {model} accepts|^{named}: {model} does not accept"):
        build(settings, [{"role": "user", "content": "q"}], call=call)
    build(settings, [{"role": "user", "content": "q"}], call={"temperature": 0.5})


def test_gemini_takes_temperature_with_top_p():
    assert family("google/gemini-2.5-pro") is GEMINI
    settings = OxenSettings(base_url="http://127.0.0.1:1", model="gemini-2.5-pro", temperature=0.5, top_p=0.9)
    assert build(settings, [{"role": "user", "content": "q"}]).body["top_p"] == 0.9


@each_row(
    ("model", "text_only"),
    [
        ("open-mixtral-8x22b", True),
        ("open-codestral-mamba", True),
        ("mistral-large-2407", True),
        ("pixtral-12b", False),
        ("mistral-small-2503", False),
        ("gpt-4o", False),
    ],
)
def test_text_only(model, text_only):
    assert family(model).text_only is text_only


def test_the_tokenizer_table_agrees_with_mistral_common():
    from mistral_common.tokens.tokenizers.mistral import MODEL_NAME_TO_TOKENIZER_CLS, MistralTokenizer

    for model, make in MODEL_NAME_TO_TOKENIZER_CLS.items():
        if family(model).tokenizer:
            assert make == MistralTokenizer.v3, model


def test_a_family_is_plain_frozen_data():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GENERIC.name = "other"  # type: ignore[misc]
