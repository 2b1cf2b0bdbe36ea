"""Tools in LlamaIndex's form -> a request's, and the answer's calls -> what LlamaIndex runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool, ToolMetadata
from pydantic_core import from_json, to_json

from _oxen_transport.errors import Details, OxenToolCallError
from _oxen_transport.tools.arguments import parse_arguments
from _oxen_transport.types import Completion, ToolCall
from llama_index_oxen.messages import call_blocks, wire_calls

ToolLike = BaseTool | dict[str, Any]


def tools_to_wire(tools: Sequence[ToolLike]) -> list[dict[str, Any]]:
    """LlamaIndex's tools, or dicts in OpenAI's form, under the tools' own names."""
    return [_tool(tool) for tool in tools]


def tool_choice_to_wire(choice: Any, *, required: bool = False) -> Any:
    """LlamaIndex's `tool_choice` and `tool_required` as one; `request/build.py` settles the rest."""
    if choice is None:
        return "required" if required else "auto"
    return choice


def keep_first_call(response: ChatResponse) -> ChatResponse:
    """The answer with its first call only, where several were not asked for."""
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    wired = message.additional_kwargs.get("tool_calls") or []
    if max(len(calls), len(wired)) < 2:
        return response
    blocks = [block for block in message.blocks if block not in calls[1:]]
    beside = {**message.additional_kwargs, "tool_calls": wired[:1]}
    first = ChatMessage(role=message.role, blocks=blocks, additional_kwargs=beside)
    return response.model_copy(update={"message": first})


def selections(response: ChatResponse, *, error_on_no_tool_call: bool) -> list[ToolSelection]:
    """The calls that LlamaIndex is to run. Raises: OxenToolCallError, if one was wanted, and none may run.

    Agents, which do without calls, get one that no tool answers to: by its "not found" a model corrects itself.
    """
    calls = call_blocks(response.message)
    if not calls and error_on_no_tool_call:
        text = response.message.content or ""
        raise _error(f"expected at least one tool call, but the model answered {text[:200]!r}", response)
    return [_selection(call, response, strict=error_on_no_tool_call) for call in calls]


@contextmanager
def name_unknown_tool(tools: Sequence[ToolLike]) -> Iterator[None]:
    """Raises OxenToolCallError where core lets a bare `KeyError` out (`llama_index/core/tools/calling.py`)."""
    unknown: str | None = None
    try:
        yield
    except KeyError as error:
        known = [tool["function"]["name"] if isinstance(tool, dict) else tool.metadata.get_name() for tool in tools]
        if not error.args or error.args[0] in known:
            raise
        unknown = f"the model asks for a tool {error.args[0]!r}; the tools are {known}"
    if unknown:
        raise OxenToolCallError(unknown)


def _selection(call: ToolCallBlock, response: ChatResponse, *, strict: bool) -> ToolSelection:
    kwargs = call.tool_kwargs
    arguments = kwargs if isinstance(kwargs, dict) else parse_arguments(kwargs)
    if arguments is not None:
        return ToolSelection(tool_id=call.tool_call_id or "", tool_name=call.tool_name, tool_kwargs=arguments)
    cut = response.additional_kwargs.get("finish_reason") == "length"
    why = "were cut off at max_tokens" if cut else "are not a JSON object"
    if strict:
        raise _error(f"the arguments of the call to {call.tool_name!r} {why}: {str(kwargs)[:200]!r}", response)
    # core: "Tool {tool_name} not found. Please select a tool that is available."
    name = (
        f"{call.tool_name!r} was not called: its arguments {why}; call it again with all of them. A tool like this was"
    )
    return ToolSelection(tool_id=call.tool_call_id or "", tool_name=name, tool_kwargs={})


def _error(message: str, response: ChatResponse) -> OxenToolCallError:
    return OxenToolCallError(message, Details(partial=completion_of(response)))


def completion_of(response: ChatResponse) -> Completion:
    """A response as the transport's answer."""
    # our own answers have the arguments as the model wrote them; a subclass may return the blocks alone
    wired = response.message.additional_kwargs.get("tool_calls") or wire_calls(response.message)
    calls = [ToolCall(raw["id"], raw["function"]["name"], raw["function"]["arguments"]) for raw in wired]
    return Completion(
        text=response.message.content or "",
        tool_calls=tuple(calls),
        finish_reason=response.additional_kwargs.get("finish_reason"),
        refusal=response.message.additional_kwargs.get("refusal"),
        model=response.additional_kwargs.get("model_name"),
        raw=response.raw if isinstance(response.raw, dict) else {},
    )


def _tool(tool: ToolLike) -> dict[str, Any]:
    if isinstance(tool, dict):
        return tool
    # no length check: the 1,024 characters of a description are OpenAI's limit, not Oxen's
    made = tool.metadata
    if type(made) is not ToolMetadata:
        return _described(made)
    key = (made.fn_schema, made.name, made.description)  # all that core's own description depends on
    if key not in _DESCRIBED:
        if len(_DESCRIBED) >= _MOST_DESCRIBED:
            _DESCRIBED.clear()
        _DESCRIBED[key] = to_json(_described(made))
    described: dict[str, Any] = from_json(_DESCRIBED[key])  # a new one each time: callers own what they get
    return described


def _described(made: ToolMetadata) -> dict[str, Any]:
    """Core's own description, but for the name: what a request cannot hold is the transport's matter."""
    described = made.to_openai_tool(skip_length_check=True)
    described["function"]["name"] = made.get_name()
    return described


_DESCRIBED: dict[tuple[Any, ...], bytes] = {}
"""Tools that were described before: pydantic takes a fifth of a millisecond for each, at each call."""
_MOST_DESCRIBED = 1024
