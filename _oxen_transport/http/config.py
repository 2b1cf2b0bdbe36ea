"""What decides whether two model objects may share connections: where, through what, as whom."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from _oxen_transport.settings import OxenSettings

KEEPALIVE_SECONDS = 30.0


@dataclass(frozen=True)
class Connection:
    """What decides whether two objects may share connections."""

    origin: str
    proxy: str | None = field(repr=False)
    ca_bundle: str | None
    client_cert: str | tuple[str, str] | None
    http2: bool
    trust_env: bool

    @classmethod
    def of(cls, settings: OxenSettings) -> Connection:
        """The connection settings of a model object."""
        proxy = settings.proxy.get_secret_value() if settings.proxy else None
        return _connection(
            settings.base_url, proxy, settings.ca_bundle, settings.client_cert, settings.http2, settings.trust_env
        )

    def pool_options(self, backend: Any) -> dict[str, Any]:
        """Arguments for httpcore's pools."""
        return {
            "ssl_context": self._ssl_context(),
            "max_connections": None,
            "max_keepalive_connections": 20,
            "keepalive_expiry": KEEPALIVE_SECONDS,
            "http2": self.http2,
            "network_backend": backend,
        }

    def proxy_url(self) -> str | None:
        """The proxy to go through: the one given, else the environment's."""
        if self.proxy or not self.trust_env:
            return self.proxy
        parts = urlsplit(self.origin)
        if not parts.hostname or proxy_bypass(parts.hostname):
            return None
        found = getproxies()
        url = found.get(parts.scheme) or found.get("all")
        return url if url is None or "://" in url else f"http://{url}"

    def _ssl_context(self) -> ssl.SSLContext | None:
        """One per kind, made when first needed: it takes 20 ms and most of a megabyte."""
        if self.origin.startswith("http://") and not (self.proxy_url() or "").startswith("https"):
            return None
        env = (os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")) if self.trust_env else ()
        return _ssl_context(self.ca_bundle, self.client_cert, self.trust_env, env)


@lru_cache(maxsize=64)
def _connection(base_url: str, *rest: Any) -> Connection:
    """Each call asks for it, so it is made once."""
    parts = urlsplit(base_url)
    return Connection(f"{parts.scheme}://{parts.netloc}", *rest)


@lru_cache(maxsize=16)
def _ssl_context(
    ca_bundle: str | None, client_cert: str | tuple[str, str] | None, trust_env: bool, env: tuple[str | None, ...]
) -> ssl.SSLContext:
    if ca_bundle:
        folder = os.path.isdir(ca_bundle)
        context = ssl.create_default_context(cafile=None if folder else ca_bundle, capath=ca_bundle if folder else None)
    else:
        context = httpx.create_ssl_context(trust_env=trust_env)
    if client_cert:
        context.load_cert_chain(*((client_cert,) if isinstance(client_cert, str) else client_cert))
    return context
