"""What is special about a model family, as data. Most makers' models take what OpenAI's take; Mistral's do not.

See https://github.com/mistralai/mistral-common (`validator.py`) and
https://github.com/mistralai/platform-docs-public (`public/openapi.yaml`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Media = Literal["image_url", "audio_url", "video_url", "file"]


@dataclass(frozen=True)
class Family:
    """What one family of models accepts. The defaults are those of OpenAI-like models."""

    name: str = "generic"
    strict_order: bool = False  # system first, then user and assistant in turns, tool results right after their calls
    strict_keys: bool = False  # a key that the maker's schema does not list is refused with 422
    content_with_calls: bool = True  # one assistant message may have text and tool calls
    calls_need_tools: bool = False  # tool calls in the history are refused unless the request declares tools
    returns_reasoning: bool = True  # a model gets back what it thought before it called tools, and its signatures
    named_results: bool = False  # a tool result without its tool's name is refused
    tool_call_id: str | None = None  # pattern (`re.fullmatch`) of a tool call's id. None: anything that is not empty.
    max_temperature: float = 2.0
    refused: frozenset[str] = frozenset()  # parameters that these models refuse
    exclusive: tuple[str, str] | None = None  # two parameters of which a request may have one
    seed_name: Literal["seed", "random_seed"] = "seed"
    media: frozenset[Media] | None = None  # what a user's message may have beside text. None: not checked here.
    prefix_key: Literal["prefix"] | None = None  # marks a last assistant message as one to go on with
    context_window: int | None = None  # tokens of prompt and answer together. None: ask the catalogue.
    tokenizer: Literal["mistral-v3"] | None = None  # the one that counts exactly. None: only an estimate is possible.

    @property
    def text_only(self) -> bool:
        """Whether images, audio, video and files are all refused."""
        return self.media == frozenset()


# DeepSeek's, Kimi's and others' thinking models refuse a tool call that comes back without the
# `reasoning_content` it was made with: https://github.com/langchain-ai/langchain/issues/37389,
# https://api-docs.deepseek.com/guides/thinking_mode#tool-calls. `reasoning_details` goes back unchanged:
# https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
GENERIC = Family()

_NO_PENALTIES = frozenset({"frequency_penalty", "presence_penalty"})

# "Requests which include `tool_use` or `tool_result` blocks must define tools":
# https://docs.litellm.ai/docs/providers/anthropic#function--tool-calling (`modify_params`).
# Penalties, and temperature with top_p, are refused with a 400 (`generate-model-docs.py` in
# https://github.com/Oxen-AI/docs); images and PDF: https://platform.claude.com/docs/en/build-with-claude/vision
ANTHROPIC = Family(
    name="anthropic",
    max_temperature=1.0,
    calls_need_tools=True,
    refused=_NO_PENALTIES,
    exclusive=("temperature", "top_p"),
    media=frozenset({"image_url", "file"}),
)

# Penalties: as above. "function_response.name: Name cannot be empty" for a result without its tool's name,
# and signed calls that come back without their signature: https://ai.google.dev/gemini-api/docs/thought-signatures
GEMINI = Family(name="gemini", refused=_NO_PENALTIES, named_results=True)

# Models up to the autumn of 2024 (tokenizers v1 to v3). Temperature 0 to 1.5 and `random_seed`:
# https://github.com/mistralai/platform-docs-public/blob/main/public/openapi.yaml
MISTRAL = Family(
    name="mistral",
    strict_order=True,
    strict_keys=True,
    content_with_calls=False,
    returns_reasoning=False,
    tool_call_id=r"[a-zA-Z0-9]{9}",
    max_temperature=1.5,
    seed_name="random_seed",
    media=frozenset({"image_url"}),
    prefix_key="prefix",
)
# Later models (tokenizers v7 and up) take text and calls in one message: MistralRequestValidatorV5.
MISTRAL_V7 = replace(MISTRAL, name="mistral-v7", content_with_calls=True)

_MISTRAL_ID = r"(open-)?(mistral|mixtral|ministral|magistral|mathstral|pixtral|codestral|devstral|voxtral)"
_V7_ID = r"magistral|devstral|voxtral|.*-(latest|24(11|12)|2[5-9](0[1-9]|1[0-2]))$"
_TEXT_ONLY_ID = r"open-|mixtral|codestral|mathstral|mistral-(7b|nemo|tiny|large-24)|ministral-[38]b-2410"
_AUDIO: frozenset[Media] = frozenset({"audio_url"})
# The tokenizers' table of mistral-common (tokens/tokenizers/mistral.py), SentencePiece v3 only.
_V3_TOKENIZER_ID = r"(open-)?mixtral-8x22b(-2404|-instruct.*|-v0\.[13])?|mistral-large-2407|codestral-2405"

# (pattern of the id's last part, tokens), the first that matches. From the makers' model cards,
# https://docs.mistral.ai/getting-started/models/models_overview and the page of Oxen itself:
# https://docs.oxen.ai/inference-api/models/open-mixtral-8x22b ("Context Length: 64,000 tokens")
_WINDOWS: tuple[tuple[str, int], ...] = (
    (r"(open-)?mixtral-8x22b", 64_000),
    (r"(open-)?mixtral-8x7b", 32_000),
    (r"(open-)?mistral-7b", 32_000),
    (r"(open-)?mistral-nemo|open-mistral-nemo", 128_000),
    (r"mistral-large-24|pixtral|ministral-[38]b-2410", 128_000),
    (r"codestral-2405", 32_000),
)


@lru_cache(maxsize=256)
def family(model_id: str) -> Family:
    """What is special about a model, else `GENERIC`; a maker's prefix and the case of letters do not matter."""
    short = model_id.strip().lower().rsplit("/", 1)[-1]
    if short.startswith("claude"):
        return ANTHROPIC
    if short.startswith("gemini"):
        return GEMINI
    if not re.match(_MISTRAL_ID, short):
        return GENERIC
    known = MISTRAL_V7 if re.match(_V7_ID, short) else MISTRAL
    return replace(
        known,
        media=frozenset() if re.match(_TEXT_ONLY_ID, short) else _AUDIO if short.startswith("voxtral") else known.media,
        context_window=next((tokens for pattern, tokens in _WINDOWS if re.match(pattern, short)), None),
        tokenizer="mistral-v3" if re.fullmatch(_V3_TOKENIZER_ID, short) else None,
    )
