"""Settings, messages and tools -> one request, ready to be sent.

The body's keys are those of https://docs.oxen.ai/inference-api/reference/chat_completions;
only what is set is sent, because the providers behind the API refuse what they do not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from _oxen_transport import __version__
from _oxen_transport.catalogue import check_body, known
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import Family, family
from _oxen_transport.rate_limiter import Limiter
from _oxen_transport.request.repair import repair
from _oxen_transport.request.tokens import BYTES_PER_TOKEN, check, count_messages, fit, window_of
from _oxen_transport.response.error_body import Redactor
from _oxen_transport.settings import OxenParams, OxenSettings, config_error, wire_names
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap, in_messages, on_the_wire, tool_name_map
from _oxen_transport.types import Message

# Never "oxen" in here: the server takes such an agent for its CLI and may answer 426
# (https://github.com/Oxen-AI/Oxen, crates/oxen-server/src/params.rs).
USER_AGENT = f"llm-integrations/{__version__} (python-httpx)"

ANSWER_TOKENS = 256
"""What an answer is taken to have if `max_tokens` does not say."""

_WIRE = wire_names(OxenParams)
_PARAMS = tuple(OxenParams.model_fields)
_TOOL_WORDS = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


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
    limiter: Limiter | None = field(default=None, repr=False, compare=False)

    @property
    def expected_tokens(self) -> int:
        """What the call may cost, roughly, for a limit on tokens: prompt and answer."""
        return int(len(self.content) / BYTES_PER_TOKEN) + int(self.body.get("max_tokens") or ANSWER_TOKENS)

    @property
    def host(self) -> str:
        """Name of the server, for errors and logs."""
        return host_of(self.url)

    @property
    def redact(self) -> Redactor:
        """Takes out of a text what must never be shown."""
        key = (self.api_key,) if self.api_key else ()
        return Redactor(*key, *self.extra_headers.values())

    def headers(self) -> dict[str, str]:
        """All headers, with the key in clear: only for the wire."""
        headers = {
            "Accept": "text/event-stream" if self.stream else "application/json",
            # a packed stream is held back by whoever packs it
            "Accept-Encoding": "identity" if self.stream else "gzip, deflate",
            "User-Agent": USER_AGENT,
        }
        if self.content:
            headers["Content-Type"] = "application/json"
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key.get_secret_value()}"
        if not self.extra_headers:
            return headers
        further = {name: value.get_secret_value() for name, value in self.extra_headers.items()}
        taken = {name.lower() for name in further}  # the caller's word replaces ours, however it is written
        return {**{name: value for name, value in headers.items() if name.lower() not in taken}, **further}

    def without(self, key: str) -> Request:
        """The same request without one field of its body."""
        body = {name: value for name, value in self.body.items() if name != key}
        return replace(self, body=body, content=_encode(body))

    def continued(self, text: str) -> Request:
        """The same request with the beginning of its answer, for the model to go on from."""
        messages: list[Message] = self.body["messages"]
        if messages[-1].get("role") == "assistant" and isinstance(messages[-1].get("content"), str):
            text, messages = str(messages[-1]["content"]) + text, messages[:-1]
        prefix_key = family(self.model).prefix_key
        last: dict[str, Any] = {"role": "assistant", "content": text, **({prefix_key: True} if prefix_key else {})}
        body = {**self.body, "messages": [*messages, last]}
        return replace(self, body=body, content=_encode(body))


@lru_cache(maxsize=64)
def host_of(url: str) -> str:
    """A URL's host; a call asks several times."""
    return urlsplit(url).hostname or ""


def build(
    settings: OxenSettings, messages: list[Message], *, stream: bool = False, call: Mapping[str, Any] | None = None
) -> Request:
    """Put one request together.

    Args:
        settings: The model object's own settings.
        messages: The conversation, OpenAI-shaped.
        stream: Whether the answer shall come in pieces.
        call: What this call sets differently; names of `OxenParams`, None counts as unset.

    Raises:
        OxenConfigError: Something the server is known to refuse, or cannot be sent.
    """
    values = _values(settings, call or {})
    model = family(values["model"])
    names = tool_name_map(values["tools"]) if values["tools"] else NO_TOOL_NAMES
    body: dict[str, Any] = {"model": values["model"]}
    body["messages"] = repair(in_messages(messages, names), model, values["history"], tools=bool(values["tools"]))
    for name, wire in _WIRE.items():
        value = values[name]
        if value is not None and value != []:
            body[model.seed_name if name == "seed" else wire] = value
    _check(body, model)
    _settle_tools(body, names)
    if values["check_context"] or body.get("max_tokens") == "fit":
        _fit_window(settings, body)
    check_body(known.get(settings.base_url, body["model"]), body)
    if stream:
        body["stream"] = True
    else:
        body.pop("stream_options", None)
    body.update(values["extra_body"])
    limiter = getattr(settings, "rate_limiter", None)  # a field of both frameworks' models
    return Request(
        url=settings.base_url + "/chat/completions",
        base_url=settings.base_url,
        model=body["model"],
        body=body,
        content=_encode(body),
        stream=stream,
        api_key=settings.api_key,
        extra_headers=values["extra_headers"],
        timeout=values["timeout"],
        total_timeout=values["total_timeout"],
        max_retries=values["max_retries"],
        resume=values["resume"],
        auto_continue=values["auto_continue"],
        tool_names=names,
        limiter=limiter if isinstance(limiter, Limiter) else None,
    )


def build_get(settings: OxenSettings, path: str, model: str = "") -> Request:
    """A request for a document of the API, such as `/models`; `model` if it is about one.

    The key is sent if there is one.
    """
    return Request(
        url=settings.base_url + path,
        base_url=settings.base_url,
        model=model,
        body={},
        content=b"",
        method="GET",
        api_key=settings.api_key,
        extra_headers=settings.extra_headers,
        timeout=settings.timeout,
        total_timeout=settings.total_timeout,
        max_retries=settings.max_retries,
    )


def _values(settings: OxenSettings, call: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter's value for this call."""
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
    """Per-call keyword arguments, through the same door as the settings. Raises: OxenConfigError."""
    try:
        return OxenParams.model_validate(dict(call))
    except ValidationError as error:
        failure = config_error(error, OxenParams)
    raise failure


def _check(body: dict[str, Any], model: Family) -> None:
    heat = body.get("temperature")
    if heat is not None and model.max_temperature is not None and heat > model.max_temperature:
        raise OxenConfigError(f"temperature: {body['model']} takes at most {model.max_temperature} (got {heat})")


def _fit_window(settings: OxenSettings, body: dict[str, Any]) -> None:
    """Count the prompt, as someone asked for it: `max_tokens="fit"`, `check_context=True`."""
    model = body["model"]
    prompt = count_messages(body["messages"], body.get("tools"), model)
    total = window_of(settings, model)
    if body.get("max_tokens") == "fit":
        listed = known.get(settings.base_url, model)
        body["max_tokens"] = fit(prompt, total, most=listed.max_output_tokens if listed else None, model=model)
    else:
        check(prompt, total, reserved=body.get("max_tokens"), model=model)


def _settle_tools(body: dict[str, Any], own: ToolNameMap) -> None:
    """Bring tools and `tool_choice` into the wire's form; without tools nothing about tools is sent."""
    choice = body.pop("tool_choice", None)
    if "tools" not in body:
        body.pop("parallel_tool_calls", None)
        return
    if own:
        body["tools"] = [on_the_wire(tool, own) for tool in body["tools"]]
    if choice is None or choice is False:
        return
    names = [_function(tool).get("name") for tool in body["tools"]]
    if choice is True:
        choice = "required"
    if isinstance(choice, str):
        choice = _TOOL_WORDS.get(choice) or {"type": "function", "function": {"name": choice}}
    if isinstance(choice, dict):
        choice = on_the_wire(choice, own)
        wanted = _function(choice).get("name")
        if wanted not in names:
            known = [own.get(str(name), name) for name in names]
            raise OxenConfigError(f"tool_choice: there is no tool named {wanted!r}; the tools are {known}")
    body["tool_choice"] = choice


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    """What OpenAI's form has under `function`. Raises: OxenConfigError, if it is no dict."""
    function = tool.get("function", {})
    if isinstance(function, dict):
        return function
    raise OxenConfigError(f"a tool must be {{'type': 'function', 'function': {{...}}}} (got {str(tool)[:80]})")


def _encode(body: dict[str, Any]) -> bytes:
    try:
        content = to_json(body)
        if b"NaN" in content or b"Infinity" in content:  # perhaps in a text, perhaps as a number
            json.dumps(json.loads(content), allow_nan=False)
        return content
    except (PydanticSerializationError, ValueError) as error:  # a lone surrogate is a ValueError
        reason = str(error)
    try:  # half a surrogate pair is no UTF-8, but JSON can escape it
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    except (TypeError, ValueError):
        raise OxenConfigError(f"the request holds something JSON cannot carry: {reason[:200]}") from None
