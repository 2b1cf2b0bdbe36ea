"""Every setting of a model object, declared once: where, as whom, over which connection."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError, model_validator

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.settings.errors import config_error
from _oxen_transport.settings.login_file import login_key
from _oxen_transport.settings.params import OxenParams
from _oxen_transport.settings.values import BaseUrl, ProxyUrl, Secret, clean_secret, is_loopback

DEFAULT_BASE_URL = "https://hub.oxen.ai/api/ai"
MISSING_KEY = (
    "no API key: set the environment variable OXEN_API_KEY, pass api_key=..., or log in with the official Oxen client; "
    "keys are made at https://www.oxen.ai under account settings. A server on this machine "
    "(base_url='http://127.0.0.1:...') needs none"
)
KEYWORDS_ONLY = '{0} takes keyword arguments only: write {0}(model="...")'

_unset: Any = None


def _key_from_environment() -> Any:
    return os.environ.get("OXEN_API_KEY")


def _url_from_environment() -> str:
    return os.environ.get("OXEN_BASE_URL", "").strip() or DEFAULT_BASE_URL


class OxenSettings(OxenParams):
    """Every parameter of `ChatOxen` and of `Oxen`. See the fields for units, defaults and sources."""

    api_key: Secret = Field(
        default_factory=_key_from_environment,
        validate_default=True,
        exclude=True,
        description="The key, from the account settings. Default: the environment variable OXEN_API_KEY, else the one "
        "that the official Oxen client keeps for the host of base_url.",
    )
    base_url: BaseUrl = Field(
        default_factory=_url_from_environment,
        validate_default=True,
        description="Where the API is; `/chat/completions` is appended. https, or http to this machine. "
        "Default: the environment variable OXEN_BASE_URL, else Oxen.",
    )
    allow_insecure_http: bool = Field(
        default=False, description="Allow http:// to another machine: key and prompt travel unencrypted."
    )
    proxy: ProxyUrl = Field(
        default=_unset,
        exclude=True,
        description="URL of a proxy (http, https, or socks5 with the extra `socks`), with its password if it has one. "
        "Default: the environment's.",
    )
    trust_env: bool = Field(
        default=True,
        description="Read proxies and SSL_CERT_FILE/SSL_CERT_DIR from the environment when connections are first "
        "made; call `close()` after a change.",
    )
    ca_bundle: str | None = Field(
        default=None, description="File or folder with the certificates to trust, in place of the usual ones."
    )
    client_cert: str | tuple[str, str] | None = Field(
        default=None, description="Certificate to present: one PEM file, or (certificate, key)."
    )
    http2: bool = Field(default=False, description="Use HTTP/2 where the server does; needs the extra `http2`.")
    http_client: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Your own client for sync calls: an `httpx.Client` or a compatible one.",
    )
    http_async_client: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Your own client for async calls: an `httpx.AsyncClient` or a compatible one.",
    )
    context_window: int | None = Field(
        default=None,
        ge=1,
        description="Tokens of prompt and answer together. Default: the catalogue's or the packaged figure.",
    )

    _needs_key: ClassVar[bool] = True

    if not TYPE_CHECKING:  # checkers read the parameters off the fields, and know which attributes there are

        def __init__(self, /, *args, **data):
            """Check every value. Raises: OxenConfigError, without secrets in its text."""
            failure = None
            if args:  # not quoted: it may be the key
                failure = OxenConfigError(KEYWORDS_ONLY.format(type(self).__name__))
            else:
                try:
                    super().__init__(**data)
                except ValidationError as error:
                    failure = config_error(error, type(self))
            if failure is not None:  # raised here, so that no other traceback hangs on it
                args = ()  # tracebacks with local variables (Sentry, rich) would show the key
                data.clear()
                raise failure

        def __setattr__(self, name, value):
            """Check a setting as the constructor does. Raises: OxenConfigError."""
            if name in _SETTINGS:
                checks = OxenSettings if self._needs_key else _KeylessSettings
                own = {field: self.__dict__[field] for field in _SETTINGS if field in self.__dict__}
                value = getattr(checks(**{**own, name: value}), name)
            super().__setattr__(name, value)

    @model_validator(mode="after")
    def _safe_and_known(self) -> OxenSettings:
        parts = urlsplit(self.base_url)
        local = is_loopback(parts.hostname)
        if parts.scheme == "http" and not local and not self.allow_insecure_http:
            raise ValueError(
                "base_url: http:// to another machine would send key and prompt unencrypted; "
                "use https://, or pass allow_insecure_http=True"
            )
        socks = self.proxy is not None and self.proxy.get_secret_value().startswith("socks")
        for wanted, module, extra in ((self.http2, "h2", "http2"), (socks, "socksio", "socks")):
            if wanted and find_spec(module) is None:
                raise ValueError(f"{extra}: not installed; pip install 'oxen-integrations[{extra}]'")
        if self._needs_key and not local and not (self.api_key or login_key(self.base_url)):
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
        try:
            self.__dict__["api_key"] = clean_secret(os.environ.get("OXEN_API_KEY"))
        except ValueError as error:
            reason = str(error)
        else:
            return
        raise OxenConfigError(f"OXEN_API_KEY: {reason}")


class _KeylessSettings(OxenSettings):
    """For values that are set later on an object that needs no key."""

    _needs_key: ClassVar[bool] = False


_SETTINGS = frozenset(OxenSettings.model_fields)
