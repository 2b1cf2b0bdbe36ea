"""`bind_tools` and `with_structured_output` of everything that has a `bind`: a model, and what wraps one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar, overload

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.types import StructuredOutputMethod
from langchain_oxen.errors import LangChainErrors
from langchain_oxen.tools import ToolLike, tool_choice_to_wire, tools_to_wire

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel as _Base
else:
    _Base = object

S = TypeVar("S")
_REPLACED = (
    "with_structured_output(method={!r}) would replace the tools that are bound. Use method='json_schema' or "
    "'json_mode', which keep them, call with_structured_output on the model itself, or give an agent the schema as its "
    "response_format"
)


class RawAndParsed(TypedDict, Generic[S]):
    """What `with_structured_output(..., include_raw=True)` gives."""

    raw: AIMessage
    """The whole answer."""
    parsed: S | None
    """The object; None if the answer does not fit."""
    parsing_error: BaseException | None
    """Why the answer does not fit."""


class ToolsMixin(_Base):
    """Two methods that need no more of their class than `bind`."""

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
            tool_choice: "auto", "none", "any" (or "required", True), the name of a tool, or a dict.
            strict: Ask for arguments that fit the schema exactly, where the server supports it.
            parallel_tool_calls: Whether several calls may come in one answer.
            kwargs: Further parameters of the call.

        Raises:
            OxenConfigError: Something that is not a tool.
        """
        with LangChainErrors():
            bound = {
                "tools": tools_to_wire(tools, strict=strict),
                "tool_choice": tool_choice_to_wire(tool_choice),
                "parallel_tool_calls": parallel_tool_calls,
            }
        return self.bind(**{name: value for name, value in bound.items() if value not in (None, [])}, **kwargs)

    @overload  # type: ignore[override]
    def with_structured_output(
        self,
        schema: type[S],
        *,
        method: StructuredOutputMethod = ...,
        include_raw: Literal[False] = ...,
        strict: bool | None = ...,
        repair: bool = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, S]: ...

    @overload
    def with_structured_output(
        self,
        schema: type[S],
        *,
        method: StructuredOutputMethod = ...,
        include_raw: Literal[True],
        strict: bool | None = ...,
        repair: bool = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, RawAndParsed[S]]: ...

    @overload
    def with_structured_output(
        self,
        schema: dict[str, Any] | None = ...,
        *,
        method: StructuredOutputMethod = ...,
        include_raw: Literal[False] = ...,
        strict: bool | None = ...,
        repair: bool = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any]]: ...

    @overload
    def with_structured_output(
        self,
        schema: dict[str, Any] | None = ...,
        *,
        method: StructuredOutputMethod = ...,
        include_raw: Literal[True],
        strict: bool | None = ...,
        repair: bool = ...,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, RawAndParsed[dict[str, Any]]]: ...

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: StructuredOutputMethod = "function_calling",
        include_raw: bool = False,
        strict: bool | None = None,
        repair: bool = False,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Make the model answer with an object that fits a schema.

        Args:
            schema: A pydantic class (v2 or v1) or a dataclass, of which an instance is returned; a
                TypedDict, a JSON schema or an OpenAI function, of which a dict is returned.
            method: "function_calling" forces a tool call, which every tool-calling model can; "json_schema" and
                "json_mode" need a server that has them. With "json_mode" the prompt must describe the JSON. "auto"
                tries them from the strictest down, the prompt alone at last, and remembers what worked.
            include_raw: Return `{"raw", "parsed", "parsing_error"}` in place of the object alone.
            strict: Ask the server to follow the schema exactly, where it can.
            repair: If the answer does not fit, send the error to the model and ask once more.
            kwargs: Further parameters of the call.

        Raises:
            OxenConfigError: An unknown method, an invalid schema, or tools beside a method that would replace them.
            OxenStructuredOutputError: (when called) the answer does not fit; `partial` has it.
        """
        # imported by those who use it
        from langchain_oxen import structured  # noqa: PLC0415

        with LangChainErrors():
            if method not in structured.METHODS:
                raise OxenConfigError(f"method must be one of {', '.join(structured.METHODS)} (got {method!r})")
            if schema is None and method != "json_mode":
                raise OxenConfigError("schema must be given, unless method is 'json_mode'")
            if tools := kwargs.get("tools"):
                if method in ("function_calling", "auto"):
                    raise OxenConfigError(_REPLACED.format(method))
                kwargs["tools"] = tools_to_wire(tools, strict=strict)
            wanted = structured.wanted_object(schema, strict=strict, tools=kwargs.get("tools"))
        traced = {"kwargs": {"method": method, "strict": strict}, "schema": structured.traced_schema(schema, wanted)}
        options = {**kwargs, "ls_structured_output_format": traced}
        if method == "auto" or repair:
            return structured.StructuredRunnable(
                llm=self, wanted=wanted, method=method, include_raw=include_raw, repair=repair, options=options
            )
        parser = structured.StructuredOutputParser(wanted=wanted, include_raw=include_raw)
        return self.bind(**{**wanted.parameters(method), **options}) | parser
