"""`ChatOxen`: Oxen's chat models in LangChain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, model_validator
from typing_extensions import Self

from _oxen_transport import __version__
from _oxen_transport.budget import count_messages, count_text, token_ids
from _oxen_transport.client import async_client, sync_client
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request import Request, build
from _oxen_transport.settings import OxenSettings, wire_names
from _oxen_transport.wire import Completion
from langchain_oxen.errors import LangChainErrors
from langchain_oxen.messages import from_wire, to_wire
from langchain_oxen.profile import profile
from langchain_oxen.stream import from_chunk
from langchain_oxen.structured import Method, StructuredOutputParser, response_format, schema_to_wire
from langchain_oxen.tools import ToolLike, tool_choice_to_wire, tools_to_wire
from langchain_oxen.usage import PROVIDER, add_token_usage, token_usage


class ChatOxen(OxenSettings, BaseChatModel):
    """Chat models served by Oxen.ai."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    streaming: bool = False
    """True: `invoke` streams under the hood. False, said explicitly: `stream` does not stream."""

    def __init__(self, **data: Any) -> None:
        """Check every value. Raises: OxenConfigError."""
        with LangChainErrors():
            super().__init__(**data)

    @model_validator(mode="after")
    def _set_oxen_version(self) -> Self:
        self._add_version("oxen-integrations", __version__)
        return self

    @property
    def model_name(self) -> str:
        """The model's id, under the name LangChain's middleware reads."""
        return self.model

    # -- the four roads ----------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with LangChainErrors():
            request = self._request(messages, stop, kwargs)
            return _result(sync_client(self).send(request))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with LangChainErrors():
            request = self._request(messages, stop, kwargs)
            return _result(await async_client(self).send(request))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with LangChainErrors():
            request = self._request(messages, stop, kwargs, stream=True)
            with closing(sync_client(self).stream(request)) as pieces:
                for piece in pieces:
                    for chunk in from_chunk(piece):
                        if run_manager:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with LangChainErrors():
            request = self._request(messages, stop, kwargs, stream=True)
            async with aclosing(async_client(self).stream(request)) as pieces:
                async for piece in pieces:
                    for chunk in from_chunk(piece):
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, call: dict[str, Any], *, stream: bool = False
    ) -> Request:
        call = {name: value for name, value in call.items() if name != "stream"}  # core's own switch
        if stop is not None:
            call["stop"] = stop
        return build(self, to_wire(messages), stream=stream, call=call)

    # -- tools and schemas -------------------------------------------------------------------

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Give the model tools it may call.

        Args:
            tools: Functions, pydantic classes, TypedDicts, LangChain tools, JSON schemas, or dicts
                in OpenAI's or Anthropic's form. An empty list is not sent.
            tool_choice: "auto", "none", "any" (or "required", True), a tool's name, or a dict.
            strict: Ask for arguments that fit the schema exactly, where the server can.
            parallel_tool_calls: Whether several calls may come in one answer.
            kwargs: Further parameters of the call.

        Raises:
            OxenConfigError: Something that is no tool.
        """
        with LangChainErrors():
            bound = {
                "tools": tools_to_wire(tools, strict=strict),
                "tool_choice": tool_choice_to_wire(tool_choice),
                "parallel_tool_calls": parallel_tool_calls,
            }
        return self.bind(**{name: value for name, value in bound.items() if value not in (None, [])}, **kwargs)

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Method = "function_calling",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Make the model answer with an object that fits a schema.

        Args:
            schema: A pydantic class (v2 or v1) or a dataclass, of which an instance comes out; a
                TypedDict, a JSON schema or an OpenAI function, of which a dict comes out.
            method: "function_calling" forces a tool call, which every tool-calling model can;
                "json_schema" and "json_mode" need a server that has them. With "json_mode" the
                prompt must say what the JSON shall look like.
            include_raw: Give `{"raw", "parsed", "parsing_error"}` in place of the object alone.
            strict: Ask the server to hold to the schema exactly, where it can.
            kwargs: Further parameters of the call.

        Raises:
            OxenConfigError: An unknown method, or something that is no schema.
            OxenStructuredOutputError: (when called) the answer does not fit; `partial` has it.
        """
        with LangChainErrors():
            shown = {"kwargs": {"method": method, "strict": strict}, "schema": schema}
            if method not in ("function_calling", "json_schema", "json_mode"):
                raise OxenConfigError(
                    f"method must be 'function_calling', 'json_schema' or 'json_mode' (got {method!r})"
                )
            if schema is None and method != "json_mode":
                raise OxenConfigError("schema must be given, unless method is 'json_mode'")
            parser = StructuredOutputParser(answer_type=schema, include_raw=include_raw)
            if method == "function_calling":
                function = schema_to_wire(schema, strict=strict)
                tool = {"type": "function", "function": function}
                parser.tool_name = function["name"]
                kwargs = {"tools": [tool], "tool_choice": parser.tool_name, **kwargs}
            else:
                kwargs = {"response_format": response_format(schema, method, strict), **kwargs}
        return self.bind(**kwargs, ls_structured_output_format=shown) | parser

    # -- what LangChain asks about the model -------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "oxen-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What makes two models give different answers; no secrets."""
        names = ("model", "base_url", "history", *wire_names(type(self)))
        params = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {**params, **({"extra_body": self.extra_body} if self.extra_body else {})}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        kwargs.pop("extra_headers", None)  # headers may hold secrets, and these go into traces
        return super()._get_invocation_params(stop=stop, **kwargs)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        stop = stop or self.stop
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The cache's key. Core's goes stale after `model_copy` and `setattr`, and then answers wrongly.

        https://github.com/langchain-ai/langchain/issues/39598
        """
        kwargs.pop("extra_headers", None)
        key = {"type": self._llm_type, **self._identifying_params, "call": {**kwargs, "stop": stop}}
        return json.dumps(key, sort_keys=True, default=repr)

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return add_token_usage(llm_outputs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile(self.model, self.context_window)

    def get_token_ids(self, text: str) -> list[int]:
        """The ids of a text's tokens. Raises: OxenMissingExtraError, without the extra `tokenizer`."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        with LangChainErrors():
            return token_ids(text, self.model)

    def get_num_tokens(self, text: str) -> int:
        """Tokens of a text: exact for Mixtral 8x22B with the extra `tokenizer`, else an estimate."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return count_text(text, self.model).tokens

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[ToolLike] | None = None) -> int:
        """Tokens of a whole prompt, tools included. Raises: OxenConfigError, for what cannot be sent."""
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens_from_messages(messages)
        with LangChainErrors():
            return count_messages(to_wire(messages), tools_to_wire(tools or ()), self.model).tokens

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether `dumps` and `loads` work: yes, without the key."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the secrets come from when a dump is loaded."""
        return {"api_key": "OXEN_API_KEY"}

    # -- life --------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connections of sync calls, also for every other object with the same settings."""
        sync_client(self).close()

    async def aclose(self) -> None:
        """Close the connections of async calls in this loop."""
        await async_client(self).aclose()


def _result(completion: Completion) -> ChatResult:
    output = {"token_usage": token_usage(completion.usage), "model_name": completion.model}
    output = {name: value for name, value in output.items() if value}
    return ChatResult(generations=[ChatGeneration(message=from_wire(completion))], llm_output=output)
