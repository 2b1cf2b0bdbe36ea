"""The model's own tokenizer for everything in LlamaIndex that counts: memories, splitters, prompt helpers.

Without it core counts with GPT's `cl100k` (`llama_index/core/utils.py`, `get_tokenizer`), which sees 15 to 25 %
fewer tokens in English, code and JSON than Mixtral's: a window filled by that count is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from llama_index.core import Settings

from _oxen_transport.call_params import DEFAULT_MODEL
from _oxen_transport.errors import OxenConfigError, OxenMissingExtraError
from _oxen_transport.request.tokens import token_ids
from llama_index_oxen.llms import Oxen


def tokenizer(model: str = DEFAULT_MODEL) -> Callable[[str], list[int]]:
    """A model's tokenizer, as `Settings.tokenizer` and LlamaIndex's splitters take it.

    Args:
        model: The model's id.

    Raises:
        OxenMissingExtraError: The extra `tokenizer` is not installed.
        OxenConfigError: This model's tokenizer is not known.

    Example:
        >>> from llama_index_oxen import tokenizer
        >>> len(tokenizer()("The ox pulls the plough."))
        7
    """

    def encode(text: str) -> list[int]:
        return token_ids(text, model)

    encode("")  # raises here, not amid somebody's splitter
    return encode


def use(llm: Oxen | None = None, **knobs: Any) -> Oxen:
    """Make a model the default of all of LlamaIndex: `Settings.llm`, and its tokenizer as `Settings.tokenizer`.

    Oxen serves no embeddings: an index also needs a `Settings.embed_model` of your own.

    Args:
        llm: The model; without one it is made.
        **knobs: Its arguments, see `Oxen`.

    Returns:
        The model.

    Raises:
        OxenConfigError: A knob is wrong, or both a model and knobs were given.

    Example:
        >>> from llama_index.core import Settings
        >>> from llama_index_oxen import use
        >>> llm = use(model="open-mixtral-8x22b", temperature=0)
        >>> Settings.llm is llm
        True
    """
    if llm is not None and knobs:
        raise OxenConfigError(f"use() takes a model or the arguments for one, not both; given: {sorted(knobs)}")
    made = Oxen(**knobs) if llm is None else llm
    Settings.llm = made
    try:
        Settings.tokenizer = tokenizer(made.model)
    except (OxenConfigError, OxenMissingExtraError) as error:
        warnings.warn(f"token counts stay estimates by another model's tokenizer: {error}", stacklevel=2)
    return made
