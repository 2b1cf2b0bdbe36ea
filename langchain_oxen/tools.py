"""Tools in LangChain's many forms -> the one form of a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from langchain_core.runnables import RunnableSerializable
from langchain_core.utils.function_calling import convert_to_openai_tool

from _oxen_transport.errors import OxenConfigError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool
else:
    BaseTool = RunnableSerializable  # its base class: hints are read at run time, and the class is a slow import

ToolLike: TypeAlias = dict[str, Any] | type | Callable[..., Any] | BaseTool


def tools_to_wire(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Functions, pydantic classes, TypedDicts, JSON schemas, Anthropic's and OpenAI's dicts.

    Raises:
        OxenConfigError: Something that is not a tool, or a tool that runs on another company's servers.
    """
    return [_tool(tool, strict) for tool in tools]


def tool_choice_to_wire(choice: Any) -> Any:
    """Anthropic's `{"type": "any"}` and `{"type": "tool", "name": ...}` in OpenAI's form; the rest is left as it is."""
    if isinstance(choice, dict) and "function" not in choice:
        return choice.get("name") or choice.get("type")
    return choice


def _tool(tool: ToolLike, strict: bool | None) -> dict[str, Any]:
    kind = tool.get("type", "function") if isinstance(tool, dict) else "function"
    if kind not in ("function", "object", "custom"):  # core makes a function without parameters of it
        raise OxenConfigError(f"cannot bind this as a tool: Oxen does not run {kind!r} itself")
    try:
        wired = convert_to_openai_tool(tool, strict=strict)
    except (ValueError, TypeError, AttributeError) as error:
        reason = str(error)
    else:
        if wired.get("type") == "function":
            return wired
        reason = f"Oxen does not run {wired.get('type')!r} itself"
    raise OxenConfigError(f"cannot bind this as a tool: {reason[:300]}")
