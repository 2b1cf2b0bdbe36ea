"""What LangChain asks about a model: its name, its profile, its tokens, what identifies it, what is secret."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from langchain_core.language_models import BaseChatModel, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from pydantic import model_validator

from _oxen_transport import __version__
from _oxen_transport.model import OxenModelMixin
from _oxen_transport.settings.params import WIRE_NAMES
from langchain_oxen.binding import BindingMixin
from langchain_oxen.errors import LangChainErrors
from langchain_oxen.messages import PROVIDER, add_token_usage, to_wire
from langchain_oxen.profile import profile
from langchain_oxen.tools import ToolLike, tools_to_wire

_PROFILE_KEYS = frozenset(ModelProfile.__annotations__)


class BaseChatOxen(BindingMixin, OxenModelMixin, BaseChatModel):
    """Everything about a chat model but the calls."""

    @model_validator(mode="after")
    def _set_oxen_version(self) -> Self:
        self._add_version("oxen-integrations", __version__)
        return self

    @model_validator(mode="after")
    def _check_profile_keys(self) -> Self:
        """Core's check, only where it has something to say: it takes a type apart for each object made."""
        if self.profile and not self.profile.keys() <= _PROFILE_KEYS:
            getattr(super(), "_check_profile_keys", lambda: None)()
        return self

    if not TYPE_CHECKING:  # a `__setattr__` would let checkers accept any attribute

        def __setattr__(self, name, value):
            """Check a setting as the constructor does. Raises: OxenConfigError."""
            with LangChainErrors():
                super().__setattr__(name, value)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The model and what is not the default; without what core derives from them."""
        if "model" in self.__dict__:  # else a constructor that fails is shown
            yield "model", self.model
        for name, value in super().__repr_args__():
            if name not in ("model", "profile", "metadata"):
                yield name, value

    @property
    def model_name(self) -> str:
        """The model's id, under the name LangChain's middleware reads."""
        return self.model

    @property
    def _llm_type(self) -> str:
        return "oxen-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What makes two models give different answers; no secrets."""
        own = self.__dict__
        names = ("model", "base_url", "history", *WIRE_NAMES)
        params = {name: own[name] for name in names if own[name] is not None}
        return {**params, **({"extra_body": self.extra_body} if self.extra_body else {})}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """What goes into traces: no headers (secrets). Core's own rewrites the process's warning filters each time."""
        kwargs.pop("extra_headers", None)
        return {**self.asdict(), "stop": stop, **kwargs}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        stop = stop or self.stop
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The cache's key; core's goes stale with copies: https://github.com/langchain-ai/langchain/issues/39598."""
        kwargs.pop("extra_headers", None)
        goes_on = {"auto_continue": True} if self.auto_continue else {}  # a cut answer is not its answer
        known = {"type": self._llm_type, "output_version": self.output_version, **self._identifying_params}
        key = {**known, **goes_on, "call": {**kwargs, "stop": stop}}
        return json.dumps(key, sort_keys=True, default=repr)

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return add_token_usage(llm_outputs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile(self)

    def get_token_ids(self, text: str) -> list[int]:
        """The ids of a text's tokens. Raises: OxenMissingExtraError, without the extra `tokenizer`."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        from _oxen_transport.request.tokens import token_ids  # noqa: PLC0415 - few programs count

        with LangChainErrors():
            return token_ids(text, self.model)

    def get_num_tokens(self, text: str) -> int:
        """Tokens of a text: exact for Mixtral 8x22B with the extra `tokenizer`, else an estimate."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        from _oxen_transport.request.tokens import count_text  # noqa: PLC0415 - few programs count

        return count_text(text, self.model).tokens

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[ToolLike] | None = None) -> int:
        """Tokens of a prompt or a part of one, also in reverse, as `trim_messages` counts; tools included.

        Raises: OxenConfigError, for what cannot be sent.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens_from_messages(messages)
        from _oxen_transport.request.tokens import count_either_way  # noqa: PLC0415 - few programs count

        with LangChainErrors():
            return count_either_way(to_wire(messages), tools_to_wire(tools or ()), self.model).tokens

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether `dumps` and `loads` work: yes, without the key."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the secrets come from when a dump is loaded."""
        return {"api_key": "OXEN_API_KEY"}

    def _framework_errors(self) -> LangChainErrors:
        return LangChainErrors()
