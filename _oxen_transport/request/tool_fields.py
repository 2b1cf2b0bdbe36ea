"""`tools`, `tool_choice` and `parallel_tool_calls` in the form of a request."""

from __future__ import annotations

from typing import Any

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.tools.names import ToolNameMap, name_of, on_the_wire

_CHOICES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def settle_tools(body: dict[str, Any], changed: ToolNameMap) -> None:
    """Bring the fields about tools into the form of a request; without tools none of them is sent.

    Args:
        body: The request's body; it is changed, what is in it is not.
        changed: Name in the request -> the tool's own, for those that differ.

    Raises:
        OxenConfigError: A tool that is not one, or a choice that no tool has.
    """
    choice = body.pop("tool_choice", None)
    if "tools" not in body:
        body.pop("parallel_tool_calls", None)
        return
    body["tools"] = [_tool(on_the_wire(tool, changed)) for tool in body["tools"]]
    if choice is not None and choice is not False:
        body["tool_choice"] = _choice(choice, body["tools"], changed)


def _tool(tool: Any) -> Any:
    """A tool with the parameters that servers demand, if only an empty object, and without fields that are null."""
    function = _function(tool)
    if not function.get("name") or (function.get("parameters") and None not in function.values()):
        return tool
    made = {name: value for name, value in function.items() if value is not None}
    return {**tool, "function": {**made, "parameters": made.get("parameters") or {"type": "object", "properties": {}}}}


def _choice(choice: Any, tools: list[dict[str, Any]], changed: ToolNameMap) -> Any:
    if choice is True:
        choice = "required"
    if isinstance(choice, str):
        choice = _CHOICES.get(choice) or {"type": "function", "function": {"name": choice}}
    if not isinstance(choice, dict):
        return choice
    _function(choice)
    choice = on_the_wire(choice, changed)
    names = [name_of(tool) for tool in tools]
    if name_of(choice) not in names:
        own = [changed.get(str(name), name) for name in names]
        raise OxenConfigError(f"tool_choice: there is no tool named {name_of(choice)!r}; the tools are {own}")
    return choice


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    """What OpenAI's form has under `function`. Raises: OxenConfigError, if that is not a dict."""
    function = tool.get("function", {})
    if isinstance(function, dict):
        return function
    raise OxenConfigError(f"a tool must be {{'type': 'function', 'function': {{...}}}} (got {str(tool)[:80]})")
