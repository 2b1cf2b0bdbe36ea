"""Every knob, declared once: both model classes inherit `OxenSettings`.

`OxenParams` is what a single call may change; per-call keyword arguments pass the same door.
`OxenSettings` adds what belongs to the object: where, as whom, over which connection. A field
that goes into the request body as it is carries its `wire` name.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from _oxen_transport.errors import OxenConfigError

DEFAULT_BASE_URL = "https://hub.oxen.ai/api/ai"
DEFAULT_MODEL = "open-mixtral-8x22b"


def _wire(name: str) -> dict[str, Any]:
    """Mark a field as one that goes into the request body under this name."""
    return {"wire": name}


def _clean_secret(value: Any) -> Any:
    """Strip a secret and refuse what no header can carry; never quote it."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return value
    text = text.strip()
    if any(not "!" <= char <= "~" for char in text):
        raise ValueError("has a space, a control character or a non-ASCII character in it; copy it anew")
    return SecretStr(text) if text else None


def _clean_header(value: SecretStr) -> SecretStr:
    if any(not " " <= char <= "~" for char in value.get_secret_value()):
        raise ValueError("has a line break or a non-ASCII character in its value; a header cannot carry that")
    return value


def _as_list(value: Any) -> Any:
    """One stop text or many; none at all is not sent (servers refuse an empty list)."""
    return [value] if isinstance(value, str) else (value or None)


LONGEST = 1_000_000.0
"""Seconds, eleven days: no operating system's clock overflows, and nobody waits longer on purpose."""

Secret = Annotated[SecretStr | None, BeforeValidator(_clean_secret)]
HeaderValue = Annotated[SecretStr, AfterValidator(_clean_header)]


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""https://www.rfc-editor.org/rfc/rfc9110#name-tokens"""


@lru_cache(maxsize=64)
def is_loopback(host: str | None) -> bool:
    """Whether a host name can only mean this machine."""
    host = (host or "").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:  # by value: "127.0.0.1.example.com" is somebody else's machine
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OxenParams(BaseModel):
    """What one call may set. Unset means: not sent, the server decides."""

    # defer_build: the classes on the way to a model's own are never made, and that one when it is first used
    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, populate_by_name=True, protected_namespaces=(), defer_build=True
    )

    model: str = Field(DEFAULT_MODEL, min_length=1, validation_alias=AliasChoices("model", "model_name"))
    """Id of the model, as `GET /models` lists it."""
    temperature: float | None = Field(None, ge=0, le=2, json_schema_extra=_wire("temperature"))
    """Randomness, 0 to 2 (Mixtral: at most 1.5)."""
    max_tokens: Annotated[int, Field(ge=1)] | Literal["fit"] | None = Field(None, json_schema_extra=_wire("max_tokens"))
    """The most tokens the answer may have; "fit": all that the prompt leaves of the window."""
    top_p: float | None = Field(None, gt=0, le=1, json_schema_extra=_wire("top_p"))
    """Nucleus sampling: the probability mass that is considered."""
    frequency_penalty: float | None = Field(None, ge=-2, le=2, json_schema_extra=_wire("frequency_penalty"))
    """Penalty for a token by how often it occurred. Not every provider behind Oxen takes it."""
    presence_penalty: float | None = Field(None, ge=-2, le=2, json_schema_extra=_wire("presence_penalty"))
    """Penalty for a token that occurred at all. Not every provider behind Oxen takes it."""
    stop: Annotated[list[str] | None, BeforeValidator(_as_list)] = Field(
        None, validation_alias=AliasChoices("stop", "stop_sequences"), json_schema_extra=_wire("stop")
    )
    """Texts that end the answer; the answer does not contain them."""
    seed: int | None = Field(
        None, ge=0, validation_alias=AliasChoices("seed", "random_seed"), json_schema_extra=_wire("seed")
    )
    """For answers that repeat; sent as `random_seed` to Mistral's models."""
    n: int | None = None
    """Refused unless 1: Oxen documents one choice. Use `batch` for more answers."""
    logprobs: bool | None = Field(None, json_schema_extra=_wire("logprobs"))
    """Ask for the log probability of each token."""
    top_logprobs: int | None = Field(None, ge=0, le=20, json_schema_extra=_wire("top_logprobs"))
    """How many alternatives per token, 0 to 20."""
    tools: list[dict[str, Any]] | None = Field(None, json_schema_extra=_wire("tools"))
    """Tools in OpenAI's function form. An empty list is not sent."""
    tool_choice: str | bool | dict[str, Any] | None = Field(None, json_schema_extra=_wire("tool_choice"))
    """"auto", "none", "required" (also "any" or True), a tool's name, or OpenAI's dict."""
    parallel_tool_calls: bool | None = Field(None, json_schema_extra=_wire("parallel_tool_calls"))
    """Whether the model may call several tools at once. Sent only together with tools."""
    response_format: dict[str, Any] | None = Field(None, json_schema_extra=_wire("response_format"))
    """`{"type": "json_object"}`, or `json_schema` where the server has it."""
    stream_options: dict[str, Any] | None = Field({"include_usage": True}, json_schema_extra=_wire("stream_options"))
    """Sent with streams only. A server that refuses it is asked once without, and remembered."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Further body fields, sent as they are."""
    extra_headers: dict[str, HeaderValue] = Field(default_factory=dict, exclude=True)
    """Further request headers; their values are treated as secrets."""
    timeout: float = Field(120.0, gt=0, le=LONGEST, validation_alias=AliasChoices("timeout", "request_timeout"))
    """Seconds of silence, by the wall clock, after which an attempt ends. Between the events of a
    stream it starts anew; comments (keep-alives) do not count."""
    total_timeout: float | None = Field(None, gt=0, le=LONGEST)
    """Seconds for the whole call with all its retries and the whole stream. None: no limit."""
    max_retries: int = Field(2, ge=0)
    """Further attempts after the first, for failures that may pass. Never after a first byte."""
    history: Literal["repair", "strict", "off"] = "repair"
    """What happens to a conversation the model family would refuse: mended without losing text,
    refused on this side with the reason, or sent as it is."""

    check_context: bool = False
    """Count the prompt before it is sent, and refuse one that does not fit the window."""
    resume: bool = False
    """Go on with a stream that was cut, from the text so far, within `max_retries`. The model must be
    one that continues a text of its own (Mistral's `prefix`)."""
    auto_continue: bool = False
    """Go on when an answer ends for its length (`finish_reason="length"`), at most eight times."""

    @field_validator("n")
    @classmethod
    def _one_choice(cls, value: int | None) -> int | None:
        if value not in (None, 1):
            raise ValueError("Oxen serves one choice per request; call `batch` with the prompt repeated instead")
        return None

    @field_validator("extra_headers")
    @classmethod
    def _no_reserved_header(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, content in value.items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name[:60]!r} is no name of a header")
            if name.lower() in ("authorization", "host", "content-length", "transfer-encoding"):
                raise ValueError(f"the header {name!r} is set by this library; for the key use api_key")
            if name.lower() == "user-agent" and "oxen" in content.get_secret_value().lower():
                # https://github.com/Oxen-AI/Oxen, crates/oxen-server/src/params.rs
                raise ValueError("a User-Agent with 'oxen' in it is taken for an old Oxen CLI and answered with 426")
        return value


class OxenSettings(OxenParams):
    """Every knob of `ChatOxen` and of `Oxen`. See the fields for units, defaults and sources."""

    api_key: Secret = Field(default_factory=lambda: os.environ.get("OXEN_API_KEY"), validate_default=True, exclude=True)
    """The key, from the account settings. Default: the environment's OXEN_API_KEY."""
    base_url: str = Field(
        default_factory=lambda: os.environ.get("OXEN_BASE_URL") or DEFAULT_BASE_URL, validate_default=True
    )
    """Where the API lives; `/chat/completions` is appended. https, or http to this machine."""
    allow_insecure_http: bool = False
    """Allow plain http:// to another machine: key and prompt travel in clear."""
    proxy: Secret = Field(None, exclude=True)
    """URL of a proxy (http, https, or socks5 with the extra `socks`), with its password if it has one.
    Default: the environment's."""
    trust_env: bool = True
    """Read proxies and SSL_CERT_FILE/SSL_CERT_DIR from the environment, when a connection pool is made:
    after a change, `close()` the old one."""
    ca_bundle: str | None = None
    """File or folder with the certificates to trust, in place of the usual ones."""
    client_cert: str | tuple[str, str] | None = None
    """Certificate this side shows: one PEM file, or (certificate, key)."""
    http2: bool = False
    """Speak HTTP/2 where the server does; needs the extra `http2`."""
    http_client: Any = Field(None, exclude=True, repr=False)
    """A client of your own for sync calls: an `httpx.Client` or one compatible with it."""
    http_async_client: Any = Field(None, exclude=True, repr=False)
    """A client of your own for async calls: an `httpx.AsyncClient` or one compatible with it."""
    context_window: int | None = Field(None, ge=1)
    """Tokens the model takes in all. Default: the catalogue's or the packaged figure."""

    _needs_key: ClassVar[bool] = True

    def __init__(self, **data: Any) -> None:
        """Check every value. Raises: OxenConfigError, in plain words and without secrets."""
        failure: OxenConfigError | None = None
        try:
            super().__init__(**data)
        except ValidationError as error:
            failure = config_error(error, type(self))
        if failure is not None:  # raised here, so that no other traceback hangs on it
            data.clear()  # tracebacks with local variables (Sentry, rich) would show the key
            raise failure

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("must be a URL such as https://hub.oxen.ai/api/ai")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not hold a user or a password; give the key as api_key")
        if parts.query or parts.fragment:
            raise ValueError("must not have a query or a fragment")
        return value.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")

    @model_validator(mode="after")
    def _safe_and_known(self) -> OxenSettings:
        parts = urlsplit(self.base_url)
        local = is_loopback(parts.hostname)
        if parts.scheme == "http" and not local and not self.allow_insecure_http:
            raise ValueError(
                "base_url: plain http:// to another machine would send key and prompt in clear; "
                "use https://, or say allow_insecure_http=True"
            )
        socks = self.proxy is not None and self.proxy.get_secret_value().startswith("socks")
        for wanted, module, extra in ((self.http2, "h2", "http2"), (socks, "socksio", "socks")):
            if wanted and find_spec(module) is None:
                raise ValueError(f"{extra}: not installed; pip install 'oxen-integrations[{extra}]'")
        if self._needs_key and self.api_key is None and not local:
            raise ValueError(MISSING_KEY)
        return self

    # -- copies: a client of the user's is shared, secrets do not enter a pickle -------------

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            memo[id(client)] = client
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        state = dict(super().__getstate__())
        values = dict(state["__dict__"])
        for name in ("api_key", "proxy", "http_client", "http_async_client"):
            values[name] = None
        values["extra_headers"] = {}
        return {**state, "__dict__": values}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        BaseModel.__setstate__(self, state)
        self.__dict__["api_key"] = _clean_secret(os.environ.get("OXEN_API_KEY"))


MISSING_KEY = (
    "no API key: set the environment variable OXEN_API_KEY, or pass api_key=...; "
    "keys are made at https://www.oxen.ai under account settings. A server on this machine "
    "(base_url='http://127.0.0.1:...') needs none"
)


@cache
def wire_names(settings: type[OxenParams]) -> dict[str, str]:
    """Field name -> name in the request body, for the fields that go there as they are."""
    return {
        name: info.json_schema_extra["wire"]  # type: ignore[misc]
        for name, info in settings.model_fields.items()
        if isinstance(info.json_schema_extra, dict) and "wire" in info.json_schema_extra
    }


def config_error(error: ValidationError, model: type[BaseModel]) -> OxenConfigError:
    """Say in plain words what pydantic found; values of secrets are never quoted."""
    lines = []
    for item in error.errors(include_url=False):
        name = ".".join(str(part) for part in item["loc"] if not str(part).startswith(_UNION_STEPS))
        if item["type"] == "extra_forbidden":
            close = difflib.get_close_matches(name, model.model_fields, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            lines.append(f"unknown parameter {name!r}; {hint}A field of the server's own goes into extra_body={{...}}")
            continue
        said = item["msg"].removeprefix("Value error, ")
        root = str(item["loc"][0]) if item["loc"] else ""
        shown = item.get("input")
        if root not in _SECRET and isinstance(shown, (int, float, str)) and item["type"] != "value_error":
            said += f" (got {str(shown)[:60]!r})" if isinstance(shown, str) else f" (got {shown})"
        lines.append(f"{name}: {said}" if name else said)
    return OxenConfigError("; ".join(dict.fromkeys(lines)))


_UNION_STEPS = ("function-", "list[", "dict[", "constrained-", "literal[")
"""Steps on pydantic's way into a union, which name no field."""
_SECRET = ("api_key", "proxy", "extra_headers", "base_url")
