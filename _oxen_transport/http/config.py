"""What decides whether two model objects may share connections: server, proxy, certificates."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.http.family import httpx
from _oxen_transport.settings import OxenSettings, is_loopback
from _oxen_transport.settings.values import proxy_url

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30.0)
"""No upper bound on connections; 100 idle ones are kept, each for 30 seconds."""
_PORTS = {"http": 80, "https": 443}


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
        """The `proxy` setting, else the environment's. Raises: OxenConfigError: no URL of a proxy, unknown scheme."""
        found = self.proxy or self._environment_proxy()
        if isinstance(found, OxenConfigError):
            raise found
        return found

    def _environment_proxy(self) -> str | OxenConfigError | None:
        """The environment's; never for this machine, which no proxy elsewhere can reach.

        Returns the error: raised here, a traceback would show the proxy's password in this frame.
        """
        parts = urlsplit(self.origin)
        host = parts.hostname or ""
        place = f"{f'[{host}]' if ':' in host else host}:{parts.port or _PORTS[parts.scheme]}"
        # NO_PROXY may name an IPv6 address with and without brackets
        if not self.trust_env or is_loopback(host) or proxy_bypass(place) or proxy_bypass(host):
            return None
        found = getproxies()
        name = parts.scheme if found.get(parts.scheme) else "all"
        url = found.get(name)
        if not url:
            return None
        try:
            return proxy_url(url if "://" in url else f"http://{url}")
        except ValueError as error:
            return OxenConfigError(f"{name.upper()}_PROXY: {error}")

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
            certificate, key = (client_cert, None) if isinstance(client_cert, str) else client_cert
            context.load_cert_chain(certificate, key, _refuse_encrypted_key)
    except OSError as error:
        reason = str(error) or type(error).__name__
    else:
        return context
    names = [name for name in (*((ca_bundle,) if ca_bundle else env), client_cert) if name]
    raise OxenConfigError(f"cannot read the certificates in {names}: {reason}; check ca_bundle and client_cert")


def _refuse_encrypted_key() -> NoReturn:
    """Instead of OpenSSL's question for a password, which waits for ever at a terminal."""
    cure = "decrypt it, for example with `openssl pkey -in key.pem -out decrypted.pem`"
    raise OxenConfigError(f"client_cert: the key is encrypted, and there is no parameter for its password: {cure}")
