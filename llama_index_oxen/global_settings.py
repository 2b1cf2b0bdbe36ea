"""The model's own tokenizer for everything in LlamaIndex that counts: memories, splitters, prompt helpers.

Core's default, GPT's `cl100k`, sees 15 to 25 % fewer tokens than Mixtral's: a window filled by it is refused.
"""

from __future__ import annotations

import warnings
from typing import Any

import llama_index.core
from llama_index.core import Settings
from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.utilities.token_counting import TokenCounter
from llama_index.core.utils import set_global_tokenizer

from _oxen_transport.errors import OxenConfigError, OxenMissingExtraError
from _oxen_transport.settings.params import DEFAULT_MODEL
from llama_index_oxen.llms import Oxen


def tokenizer(model: str = DEFAULT_MODEL) -> MixtralTokenizer:
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
    return MixtralTokenizer(model)


class MixtralTokenizer:
    """Text -> ids of tokens. It can be pickled, for workers such as those of `IngestionPipeline.run(num_workers=2)`."""

    def __init__(self, model: str) -> None:
        self._model = model
        self("")  # raises here, not inside somebody's splitter

    def __call__(self, text: str) -> list[int]:
        """Ids of the text's tokens, without begin and end marks."""
        from _oxen_transport.request.tokens import token_ids  # noqa: PLC0415 - few programs count

        return token_ids(text, self._model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MixtralTokenizer) and other._model == self._model

    def __hash__(self) -> int:
        return hash(self._model)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self._model, llama_index.core.global_tokenizer == self)


def _unpickled(model: str, is_global: bool) -> MixtralTokenizer:
    """A tokenizer in another process: global there if it was here, as core's components ask for the global one."""
    made = MixtralTokenizer(model)
    if is_global and llama_index.core.global_tokenizer is None:
        set_global_tokenizer(made)
    return made


def use(llm: Oxen | None = None, **parameters: Any) -> Oxen:
    """Make a model the default of all of LlamaIndex: `Settings.llm`, and its tokenizer as `Settings.tokenizer`.

    Oxen serves no embeddings: an index also needs a `Settings.embed_model` of your own.

    Args:
        llm: The model; without one it is made.
        **parameters: Its arguments, see `Oxen`.

    Returns:
        The model.

    Raises:
        OxenConfigError: An argument is wrong, or both a model and arguments were given.

    Example:
        >>> from llama_index.core import Settings
        >>> from llama_index_oxen import use
        >>> llm = use(model="open-mixtral-8x22b", temperature=0)
        >>> Settings.llm is llm
        True
    """
    if llm is not None and parameters:
        raise OxenConfigError(f"use() takes a model or the arguments for one, not both; given: {sorted(parameters)}")
    made = Oxen(**parameters) if llm is None else llm
    Settings.llm = made
    try:
        _use_tokenizer(tokenizer(made.model), made.metadata)
    except (OxenConfigError, OxenMissingExtraError) as error:
        warnings.warn(f"token counts stay estimates by another model's tokenizer: {error}", stacklevel=2)
    return made


def _use_tokenizer(own: MixtralTokenizer, metadata: LLMMetadata) -> None:
    """Make a tokenizer the global one, also for what was made with another one before."""
    before = llama_index.core.global_tokenizer
    Settings.tokenizer = own
    parser = Settings._node_parser
    if before is not None and getattr(parser, "_tokenizer", None) is before:
        parser._tokenizer = own  # type: ignore[union-attr]
    for helper in (Settings._prompt_helper, Settings._chat_prompt_helper):
        if helper is None:  # core makes it from the model when it is needed
            continue
        helper._token_counter = TokenCounter(own)
        if helper.context_window in (DEFAULT_CONTEXT_WINDOW, max(helper.context_window, metadata.context_window)):
            helper.context_window = metadata.context_window
