"""One column's request, and one run of it: what was sent, what came, how fast, at what price. No page in here."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import httpx

from langchain_oxen import ChatOxen, ModelInfo, OxenConfigError, OxenError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from examples.workbench.state import Column

Status = Literal["idle", "running", "done", "stopped", "failed"]


def chat_of(column: Column, connection: dict[str, Any]) -> Any:
    """The model object of a column, with its tools bound. Raises: OxenConfigError."""
    # a link may come from anybody: of the class's own settings, it can reach only those that go into the body
    tuned = {each.name for each in ModelInfo(id=column.model).parameters()}
    own = {name: value for name, value in column.parameters.items() if name in tuned}
    further = {name: value for name, value in column.parameters.items() if name not in tuned}
    chat = ChatOxen(model=column.model, extra_body=further, **own, **connection)
    tools = tools_of(column)
    return chat.bind_tools(tools) if tools else chat


def warm_up() -> None:
    """Make what is made with the first answer and the first count, or the first run would seem a second slower."""
    body = b'data: {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    answer = httpx.MockTransport(
        lambda request: httpx.Response(200, content=body, headers={"Content-Type": "text/event-stream"})
    )
    with httpx.Client(transport=answer) as client:
        chat = ChatOxen(api_key="none", base_url="http://127.0.0.1", http_client=client)
        for _ in chat.stream("x"):
            chat.get_num_tokens("x")


def tools_of(column: Column) -> list[dict[str, Any]]:
    """The column's tools. Raises: OxenConfigError, if they are not a JSON list."""
    if not column.tools.strip():
        return []
    try:
        tools = json.loads(column.tools)
    except ValueError as error:
        raise OxenConfigError(f"the tools are not JSON: {error}") from None
    if not isinstance(tools, list):
        raise OxenConfigError("the tools must be a JSON list, such as [{...}]")
    return tools


def messages_of(column: Column) -> list[dict[str, Any]]:
    """The column's conversation; files go with the last turn of the user."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": column.system}] if column.system.strip() else []
    messages += [{"role": turn.role, "content": turn.content} for turn in column.turns]
    if column.files:
        last = next((message for message in reversed(messages) if message["role"] == "user"), None)
        if last is not None:
            last["content"] = [{"type": "text", "text": last["content"]}, *map(_part, column.files)]
    return messages


def _part(file: Any) -> dict[str, Any]:
    if file.url.startswith("data:image/"):
        return {"type": "image_url", "image_url": {"url": file.url}}
    return {"type": "file", "file": {"file_data": file.url, "filename": file.name}}


def price_of(info: ModelInfo | None, message: AIMessage) -> float | None:
    """US dollars for an answer: the server's own figure, else by the list price; None: not known."""
    cost: float | None = message.response_metadata.get("cost")
    usage = message.usage_metadata
    if cost is not None or info is None or usage is None:
        return cost
    if info.input_cost_per_token is None or info.output_cost_per_token is None:
        return None
    return usage["input_tokens"] * info.input_cost_per_token + usage["output_tokens"] * info.output_cost_per_token


@dataclass
class Run:
    """One run. `changes` grows with each piece that comes, so that a page sees when to draw anew."""

    status: Status = "idle"
    text: str = ""
    reasoning: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    error: OxenError | None = None
    finish_reason: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    changes: int = 0
    _pieces: int = 0
    _started: float = 0.0
    _first: float | None = None
    _ended: float | None = None

    async def go(self, column: Column, connection: dict[str, Any], info: ModelInfo | None) -> None:
        """Run it. Errors of the library end in `error`; a cancellation closes the upstream connection."""
        self.status, self._started = "running", time.monotonic()
        try:
            chat, messages = chat_of(column, connection), messages_of(column)
            if column.stream:
                whole = None
                async for chunk in chat.astream(messages):
                    self._take(chunk)
                    # text is gathered above: joining every chunk would grow with the square
                    if not chunk.text or chunk.chunk_position == "last":
                        whole = chunk if whole is None else whole + chunk
            else:
                whole = await chat.ainvoke(messages)
                self._take(whole)
            self._end("done")
            if whole is not None:
                self._account(whole, info)
        except OxenError as error:
            self.error = error
            self.text = self.text or error.partial_text
            self._end("failed")
        finally:
            if self.status == "running":
                self._end("stopped")

    def _take(self, chunk: AIMessage) -> None:
        reasoning = str(chunk.additional_kwargs.get("reasoning_content") or "")
        if self._first is None and (chunk.text or reasoning or chunk.tool_calls):
            self._first = time.monotonic()
        self.text += chunk.text
        self.reasoning += reasoning
        self._pieces += bool(chunk.text or reasoning)
        self.changes += 1

    def _account(self, whole: AIMessage, info: ModelInfo | None) -> None:
        usage = whole.usage_metadata
        if usage is not None:
            self.tokens_in, self.tokens_out = usage["input_tokens"], usage["output_tokens"]
        self.cost = price_of(info, whole)
        self.finish_reason = whole.response_metadata.get("finish_reason")
        invalid = [{"name": call["name"], "not JSON": call["args"]} for call in whole.invalid_tool_calls]
        self.calls = [{"name": call["name"], "args": call["args"]} for call in whole.tool_calls] + invalid
        self.changes += 1

    def _end(self, status: Status) -> None:
        self.status, self._ended = status, time.monotonic()
        self.changes += 1

    @property
    def facts(self) -> str:
        """One line: time to the first token, speed, tokens, price, and why the answer ended."""
        if self.status == "idle":
            return ""
        now = self._ended or time.monotonic()
        if self._first is None:
            return f"{self.status}, {now - self._started:.1f} s"
        seconds = max(now - self._first, 0.001)
        tokens = self.tokens_out or self._pieces
        parts = [self.status, f"first token after {self._first - self._started:.2f} s"]
        parts += [f"{tokens / seconds:.1f} tokens/s"] if self._pieces > 1 else []
        parts += [f"{self.tokens_in:,} in, {self.tokens_out:,} out"] if self.tokens_in is not None else []
        parts += [f"${self.cost:.6f}"] if self.cost is not None else []
        parts += [f"finish reason: {self.finish_reason}"] if self.finish_reason else []
        return " · ".join(parts)
