"""Types of settings that need more than a bound: ids, secrets, headers, URLs."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeAlias, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, core_schema

from _oxen_transport.known_models import KnownModel

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""https://www.rfc-editor.org/rfc/rfc9110#name-tokens"""
_NOT_IN_URL = re.compile(r"[\x00-\x20\x7f]")
_NOT_IN_HOST = re.compile(r"[\"%<>\\^`{|}]")
"""https://url.spec.whatwg.org/#forbidden-domain-code-point, as far as `urlsplit` lets it through."""
_RESERVED_HEADERS = ("authorization", "host", "content-length", "transfer-encoding")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


class _ModelIdSchema:
    """Checks a model id as text: a union of literals would list all of them in errors and JSON schemas."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(min_length=1, strip_whitespace=True)


def clean_secret(value: Any) -> Any:
    """Strip a secret and refuse what no header can carry; never quote it."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if not isinstance(text, str):
        return value
    text = text.strip()
    if any(not "!" <= char <= "~" for char in text):
        raise ValueError("contains whitespace, control or non-ASCII characters; copy it again")
    return SecretStr(text) if text else None


def _header_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()  # HTTP libraries refuse the spaces around it, or drop them
    if any(not " " <= char <= "~" for char in text):
        raise ValueError("contains a line break or a non-ASCII character, which a header value cannot hold")
    return SecretStr(text)


def _headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, content in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"invalid header name {name[:60]!r}")
        if name.lower() in _RESERVED_HEADERS:
            raise ValueError(f"the header {name!r} is set by this library; for the key use api_key")
        if name.lower() == "user-agent" and "oxen" in content.get_secret_value().lower():
            # https://github.com/Oxen-AI/Oxen, crates/oxen-server/src/params.rs
            raise ValueError("the server takes a User-Agent with 'oxen' in it for an old Oxen CLI and answers 426")
    return headers


def _stop_list(value: Any) -> Any:
    """One stop text or many; an empty list is not sent, since servers refuse it."""
    texts = [value] if isinstance(value, str) else (value or None)
    if isinstance(texts, list | tuple | set | frozenset) and "" in texts:
        raise ValueError("must not contain an empty text; leave stop out to have none")
    return texts


def _split(url: str) -> SplitResult | None:
    """The parts of a URL, or None if nobody could connect to it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if ":" not in host:
            host.encode("idna")
        valid = bool(host) and parts.port != 0 and not _NOT_IN_URL.search(parts.netloc)
        valid = valid and not _NOT_IN_HOST.search(parts.netloc.rpartition("@")[2])  # a password may hold %40
    except ValueError:  # a port that is not a number below 65,536, an IPv6 address or a label that is malformed
        return None
    return parts if valid else None


def _base_url(value: str) -> str:
    value = value.strip()
    parts = _split(value) if value.isprintable() else None
    if parts is None or parts.scheme not in ("https", "http"):
        raise ValueError("must be a URL such as https://hub.oxen.ai/api/ai")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or a password; pass the key as api_key")
    if "?" in value or "#" in value:  # also if nothing follows
        raise ValueError("must not have a query or a fragment")
    return value.rstrip("/").removesuffix("/chat/completions").rstrip("/")


def _proxy(value: SecretStr | None) -> SecretStr | None:
    return value and SecretStr(proxy_url(value.get_secret_value()))


def proxy_url(url: str) -> str:
    """Check a proxy's URL; desktops write `socks://` for SOCKS 5. Raises: ValueError, without user or password."""
    _, separator, rest = url.partition("://")
    if not separator or (parts := _split(url)) is None:
        raise ValueError("must be a URL such as http://proxy.example:3128")
    scheme = "socks5" if parts.scheme == "socks" else parts.scheme
    if scheme not in _PROXY_SCHEMES:
        raise ValueError(f"the scheme {scheme[:20]!r} is not supported; use one of {', '.join(_PROXY_SCHEMES)}")
    return f"{scheme}://{rest}"


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


# -- the types ----------------------------------------------------------------------------------

ModelId = Annotated[KnownModel | str, _ModelIdSchema]

Given_contra = TypeVar("Given_contra", contravariant=True)
Kept_co = TypeVar("Kept_co", covariant=True)

if TYPE_CHECKING:

    class _Converted(Generic[Given_contra, Kept_co]):
        """For type checkers: a parameter that takes more types than its attribute has (PEP 681)."""

        def __get__(self, instance: object, owner: Any = None) -> Kept_co: ...
        def __set__(self, instance: object, value: Given_contra) -> None: ...

    StopTexts: TypeAlias = _Converted[str | Sequence[str] | None, list[str] | None]
    Secret: TypeAlias = _Converted[str | SecretStr | None, SecretStr | None]
    ProxyUrl: TypeAlias = Secret
    Headers: TypeAlias = _Converted[Mapping[str, str | SecretStr], dict[str, SecretStr]]
else:
    StopTexts = Annotated[list[str] | None, BeforeValidator(_stop_list)]
    Secret = Annotated[SecretStr | None, BeforeValidator(clean_secret)]
    ProxyUrl = Annotated[SecretStr | None, BeforeValidator(clean_secret), AfterValidator(_proxy)]
    Headers = Annotated[dict[str, Annotated[SecretStr, AfterValidator(_header_value)]], AfterValidator(_headers)]

BaseUrl = Annotated[str, AfterValidator(_base_url)]
