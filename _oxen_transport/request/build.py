"""Settings, messages and tools -> one request, ready to be sent.

https://docs.oxen.ai/inference-api/reference/chat_completions. Only what is set is sent: the providers
behind the API refuse what they do not know.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from _oxen_transport import catalogue
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import Family, family
from _oxen_transport.redaction import Redactor, check_call_headers
from _oxen_transport.request.repair import repair
from _oxen_transport.request.rules import Report
from _oxen_transport.request.turns import without_reasoning
from _oxen_transport.settings import OxenSettings
from _oxen_transport.settings.errors import config_error
from _oxen_transport.settings.login_file import login_key
from _oxen_transport.settings.params import WIRE_NAMES, OxenParams
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap, in_messages, name_of, on_the_wire, tool_name_map
from _oxen_transport.types import Message
from _oxen_transport.unicode import valid_json
from _oxen_transport.version import __version__

if TYPE_CHECKING:
    from _oxen_transport.observer import Observer
    from _oxen_transport.rate_limiter import RateLimiter

# Never "oxen" in here: the server takes such an agent for its CLI and may answer 426
# (https://github.com/Oxen-AI/Oxen, crates/oxen-server/src/params.rs).
USER_AGENT = f"llm-integrations/{__version__} (python-httpx)"

ANSWER_TOKENS = 256  # what an answer is taken to have if `max_tokens` does not say

_PARAMS = tuple(OxenParams.model_fields)


@dataclass(frozen=True)
class Request:
    """One request. Immutable; the key and the headers do not show in its `repr`."""

    url: str
    model: str
    body: dict[str, Any] = field(repr=False)
    content: bytes = field(repr=False)
    base_url: str = ""
    method: str = "POST"
    stream: bool = False
    api_key: SecretStr | None = field(default=None, repr=False)
    extra_headers: dict[str, SecretStr] = field(default_factory=dict, repr=False)
    timeout: float = 120.0
    total_timeout: float | None = None
    max_retries: int = 2
    resume: bool = False
    auto_continue: bool = False
    tool_names: ToolNameMap = field(default_factory=dict, repr=False)
    limiter: RateLimiter | None = field(default=None, repr=False, compare=False)
    repairs: tuple[str, ...] = field(default=(), repr=False, compare=False)
    observer: Observer | None = field(default=None, repr=False, compare=False)

    @property
    def expected_tokens(self) -> int:
        """What the call may cost, roughly, for a limit on tokens: prompt and answer."""
        from _oxen_transport.request.token_bound import BYTES_PER_TOKEN  # noqa: PLC0415 - with a rate limiter only

        return int(len(self.content) / BYTES_PER_TOKEN) + int(self.body.get("max_tokens") or ANSWER_TOKENS)

    @property
    def host(self) -> str:
        """Name and port of the server, for errors and logs."""
        return host_of(self.url)

    @cached_property
    def key(self) -> SecretStr | None:
        """The key to send: `api_key`, else the one that the official client keeps for the host of `base_url`."""
        if self.api_key:
            return self.api_key
        found = login_key(self.base_url)
        return None if found is None else SecretStr(found)

    @property
    def redact(self) -> Redactor:
        """Takes out of a text what must never be shown."""
        key = (self.key,) if self.key else ()
        return Redactor((*key, *self.extra_headers.values()))

    def headers(self) -> dict[str, str]:
        """All headers, with the key in plain text: only for sending."""
        headers = {
            "Accept": "text/event-stream" if self.stream else "application/json",
            # a packed stream is held back by whoever packs it
            "Accept-Encoding": "identity" if self.stream else "gzip, deflate",
            "User-Agent": USER_AGENT,
        }
        if self.content:
            headers["Content-Type"] = "application/json"
        if self.key:
            headers["Authorization"] = f"Bearer {self.key.get_secret_value()}"
        if not self.extra_headers:
            return headers
        further = {name: value.get_secret_value() for name, value in self.extra_headers.items()}
        taken = {name.lower() for name in further}  # the caller's value replaces ours, in any case of letters
        return {**{name: value for name, value in headers.items() if name.lower() not in taken}, **further}

    def without(self, key: str) -> Request:
        """The same request without one field of its body."""
        body = {name: value for name, value in self.body.items() if name != key}
        return replace(self, body=body, content=encode(body))

    def continued(self, text: str) -> Request:
        """The same request with the beginning of its answer, for the model to go on from."""
        messages: list[Message] = self.body["messages"]
        if messages[-1].get("role") == "assistant" and isinstance(messages[-1].get("content"), str):
            text, messages = str(messages[-1]["content"]) + text, messages[:-1]
        prefix_key = family(self.model).prefix_key
        last: dict[str, Any] = {"role": "assistant", "content": text, **({prefix_key: True} if prefix_key else {})}
        body = {**self.body, "messages": [*messages, last]}
        return replace(self, body=body, content=encode(body))


@lru_cache(maxsize=64)
def host_of(url: str) -> str:
    """A URL's host, with its port if it names one; a call asks several times."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{host}:{parts.port}" if parts.port else host


def build(
    settings: OxenSettings, messages: list[Message], *, stream: bool = False, call: Mapping[str, Any] | None = None
) -> Request:
    """One request, from the settings and what the `call` sets differently (None: nothing). Raises: OxenConfigError."""
    values = _values(settings, call or {})
    known, mode = family(values["model"]), values["history"]
    names = tool_name_map(values["tools"]) if values["tools"] else NO_TOOL_NAMES
    body: dict[str, Any] = {"model": values["model"]}
    messages = messages if known.returns_reasoning else without_reasoning(messages)
    if names:
        messages = in_messages(messages, names)
    report = Report(known.name)
    body["messages"] = repair(messages, known, mode, tools=bool(values["tools"]), report=report)
    if report.ran:
        report.log()
    for name in WIRE_NAMES:
        value = values[name]
        if value is not None and value != []:
            body[known.seed_name if name == "seed" else name] = value
    check_parameters(body, known)
    settle_tools(body, names)
    if stream:
        body["stream"] = True
    else:
        body.pop("stream_options", None)
    tools = body.get("tools")
    body.update(values["extra_body"])
    if values["check_context"] or body.get("max_tokens") == "fit":
        # with "off", nothing was repaired yet
        fit_window(settings, body, tools, repaired=mode != "off")
    return Request(
        url=settings.base_url + "/chat/completions",
        base_url=settings.base_url,
        model=body["model"],
        body=body,
        content=encode(body),
        stream=stream,
        api_key=settings.api_key,
        extra_headers=values["extra_headers"],
        timeout=values["timeout"],
        total_timeout=values["total_timeout"],
        max_retries=values["max_retries"],
        resume=values["resume"],
        auto_continue=values["auto_continue"],
        tool_names=names,
        limiter=_limiter(settings),
        repairs=tuple(report.ran) if report.changed else (),
    )


async def build_off_loop(make: Callable[[], Request], *, reads_files: bool) -> Request:
    """A request whose making reads files, or counts tokens, is made in a thread: it would block an event loop."""
    return await asyncio.to_thread(make) if reads_files else make()


def counts_tokens(settings: OxenSettings, call: Mapping[str, Any]) -> bool:
    """Whether `build` would count the prompt, which reads the tokenizer's file and takes its time."""
    limit = call.get("max_tokens") or settings.max_tokens
    extra = {**settings.extra_body, **(call.get("extra_body") or {})}
    return bool(call.get("check_context") or settings.check_context) or "fit" in (limit, extra.get("max_tokens"))


def build_without_body(settings: OxenSettings, path: str, model: str = "", method: str = "GET") -> Request:
    """A request for a document of the API, such as `/models`; `model` if it is about one. Sends the key, if any."""
    return Request(
        url=settings.base_url + path,
        base_url=settings.base_url,
        model=model,
        body={},
        content=b"",
        method=method,
        api_key=settings.api_key,
        extra_headers=settings.extra_headers,
        timeout=settings.timeout,
        total_timeout=settings.total_timeout,
        max_retries=settings.max_retries,
    )


def _values(settings: OxenSettings, call: Mapping[str, Any]) -> dict[str, Any]:
    own = settings.__dict__
    values = {name: own[name] for name in _PARAMS}
    given = {name: value for name, value in call.items() if value is not None}
    if given:
        params = checked(given)
        for name in params.model_fields_set:
            value = getattr(params, name)
            values[name] = {**values[name], **value} if name in ("extra_body", "extra_headers") else value
    return values


def checked(call: Mapping[str, Any]) -> OxenParams:
    """Per-call keyword arguments, checked like the settings. Raises: OxenConfigError."""
    check_call_headers(call.get("extra_headers"))
    try:
        return OxenParams.model_validate(dict(call))
    except ValidationError as error:
        failure = config_error(error, OxenParams, OxenSettings.model_fields)
    raise failure


# -- the body: what the model is known to refuse, what is left of the window, its bytes ---------


def check_parameters(body: dict[str, Any], known: Family) -> None:
    """Refuse what the family is known to refuse. Raises: OxenConfigError."""
    model = body["model"]
    temperature = body.get("temperature")
    if temperature is not None and temperature > known.max_temperature:
        raise OxenConfigError(f"temperature: {model} accepts at most {known.max_temperature} (got {temperature})")
    if refused := sorted(known.refused & body.keys()):
        raise OxenConfigError(f"{refused[0]}: {model} does not accept it; leave it unset")
    if known.exclusive and set(known.exclusive) <= body.keys():
        one, other = known.exclusive
        raise OxenConfigError(f"{one}, {other}: {model} accepts one of them; leave the other unset")


def _limiter(settings: OxenSettings) -> RateLimiter | None:
    """The model object's rate limiter (a field of both frameworks' models), if it is one of ours."""
    given = getattr(settings, "rate_limiter", None)
    if given is None:
        return None
    from _oxen_transport.rate_limiter import RateLimiter  # noqa: PLC0415 - few models have one

    return given if isinstance(given, RateLimiter) else None


def fit_window(settings: OxenSettings, body: dict[str, Any], tools: Any, *, repaired: bool) -> None:
    """Hold the prompt against the window: `max_tokens="fit"`, `check_context=True`."""
    from _oxen_transport.request.tokens import check, count_messages, count_repaired, fit  # noqa: PLC0415 - few calls

    model = body["model"]
    prompt = (count_repaired if repaired else count_messages)(body["messages"], tools, model)
    total = catalogue.window_of(settings, model)
    if body.get("max_tokens") == "fit":
        listed = catalogue.known.get(settings, model)
        body["max_tokens"] = fit(prompt, total, most=listed.max_output_tokens if listed else None, model=model)
    else:
        reserved = body.get("max_tokens") or body.get("max_completion_tokens")
        check(prompt, total, reserved=reserved if isinstance(reserved, int) else None, model=model)


def encode(body: dict[str, Any]) -> bytes:
    """The body as JSON, in UTF-8. Raises: OxenConfigError."""
    try:
        content = valid_json(body)
        if b"NaN" in content or b"Infinity" in content:  # in a text, or as a number
            json.loads(content, parse_constant=_refuse_constant)
        return content
    except ValueError as error:
        reason = str(error)
    raise OxenConfigError(f"the request is not JSON serializable: {reason[:200]}")


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")


# -- its tools -----------------------------------------------------------------------------

_CHOICES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def settle_tools(body: dict[str, Any], changed: ToolNameMap) -> None:
    """Bring a body's fields about tools into their final form; without tools none is sent. Raises: OxenConfigError."""
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
