"""Throw-away TLS identities: a private authority, a good leaf, an expired one, an unknown issuer."""

from __future__ import annotations

import datetime
import ssl
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from pathlib import Path


class Certificates:
    """Made anew for each test session; `authority` is the file with the CA to trust."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = trustme.CA(), trustme.CA()
        self.authority = folder / "authority.pem"
        ours.cert_pem.write_to_path(str(self.authority))
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        self.good = _server_side(ours.issue_cert("127.0.0.1", "localhost", "api.example.test"))
        self.expired = _server_side(ours.issue_cert("127.0.0.1", "localhost", not_after=past))
        self.unknown_issuer = _server_side(theirs.issue_cert("127.0.0.1", "localhost"))
        self.wrong_host = _server_side(ours.issue_cert("elsewhere.example"))
        self.speaks_http2 = _server_side(ours.issue_cert("127.0.0.1", "localhost"))
        self.speaks_http2.set_alpn_protocols(["h2", "http/1.1"])
        client = ours.issue_cert("client@example.org")
        self.client_pem = folder / "client.pem"
        client.private_key_and_cert_chain_pem.write_to_path(str(self.client_pem))
        self.encrypted_key = folder / "encrypted.pem"
        key = serialization.load_pem_private_key(client.private_key_pem.bytes(), password=None)
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        self.encrypted_key.write_bytes(
            key.private_bytes(pem, pkcs8, serialization.BestAvailableEncryption(b"pass-4711"))
        )
        self.wants_client_cert = _server_side(ours.issue_cert("127.0.0.1", "localhost"))
        self.wants_client_cert.verify_mode = ssl.CERT_REQUIRED
        ours.configure_trust(self.wants_client_cert)


def _server_side(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(context)
    return context
