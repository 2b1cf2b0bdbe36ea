"""What decides whether two model objects may share connections: server, proxy, certificates."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.http.family import httpx
from _oxen_transport.settings import OxenSettings

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30.0)
"""No upper bound on connections; 100 idle ones are kept, each for 30 seconds."""
PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True)
class ConnectionConfig:
    """The part of the settings that a connection pool depends on."""

    origin: str
    proxy: str | None = field(repr=False)
    ca_bundle: str | None
    client_cert: str | tuple[str, str] | None
    http2: bool
    trust_env: bool

    @classmethod
    def of(cls, settings: OxenSettings) -> ConnectionConfig:
        """The connection settings of a model object."""
        proxy = settings.proxy.get_secret_value() if settings.proxy else None
        return _config(
            settings.base_url, proxy, settings.ca_bundle, settings.client_cert, settings.http2, settings.trust_env
        )

    def proxy_url(self) -> str | None:
        """The `proxy` setting, else the environment's. Raises: OxenConfigError: unknown scheme, missing extra."""
        if self.proxy:
            return _checked_proxy(self.proxy, "proxy")
        parts = urlsplit(self.origin)
        if not self.trust_env or not parts.hostname or proxy_bypass(parts.hostname):
            return None
        found = getproxies()
        name = parts.scheme if found.get(parts.scheme) else "all"
        url = found.get(name)
        return _checked_proxy(url if "://" in url else f"http://{url}", f"{name.upper()}_PROXY") if url else None

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS settings, made once: it reads files, some 20 ms. Raises: OxenConfigError, if one cannot be read."""
        env = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if self.trust_env else ()
        return _ssl_context(self.ca_bundle, self.client_cert, self.trust_env, self.http2, env)

    def context(self) -> ssl.SSLContext:
        """The TLS settings; an empty context, which trusts nobody, where nothing is encrypted."""
        return self.ssl_context() if self.needs_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def httpx_options(self) -> dict[str, Any]:
        """Arguments for httpx's transports and for those compatible with them."""
        url, context = self.proxy_url(), self.context()
        proxy = httpx.Proxy(url, ssl_context=context if url.startswith("https") else None) if url else None
        return {"verify": context, "trust_env": False, "http2": self.http2, "limits": LIMITS, "proxy": proxy}

    @property
    def needs_tls(self) -> bool:
        """Whether any hop is encrypted: reading the certificates is left out where none is."""
        return not self.origin.startswith("http://") or (self.proxy_url() or "").startswith("https")


@lru_cache(maxsize=64)
def _config(base_url: str, *rest: Any) -> ConnectionConfig:
    """Asked for by each call, so made once."""
    parts = urlsplit(base_url)
    return ConnectionConfig(f"{parts.scheme}://{parts.netloc}", *rest)


def _checked_proxy(url: str, where: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "socks":  # as GNOME and KDE write it into ALL_PROXY
        scheme = "socks5"
    if scheme.lower() not in PROXY_SCHEMES:
        raise OxenConfigError(f"{where}: unknown proxy scheme {scheme[:20]!r}; use one of {', '.join(PROXY_SCHEMES)}")
    return f"{scheme.lower()}://{rest}"


@lru_cache(maxsize=16)
def _ssl_context(
    ca_bundle: str | None,
    client_cert: str | tuple[str, str] | None,
    trust_env: bool,
    http2: bool,  # part of the key: httpcore writes the protocols it offers into the context
    env: tuple[str | None, ...],
) -> ssl.SSLContext:
    try:
        if ca_bundle:
            folder = os.path.isdir(ca_bundle)
            context = ssl.create_default_context(
                cafile=None if folder else ca_bundle, capath=ca_bundle if folder else None
            )
        else:
            context = httpx.create_ssl_context(trust_env=trust_env)
        if client_cert:
            context.load_cert_chain(*((client_cert,) if isinstance(client_cert, str) else client_cert))
    except OSError as error:
        reason = str(error) or type(error).__name__
    else:
        return context
    files = [name for name in (*((ca_bundle,) if ca_bundle else env), client_cert) if name]
    raise OxenConfigError(f"cannot read the certificates in {files}: {reason}; check ca_bundle and client_cert")
