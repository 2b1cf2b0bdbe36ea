"""Keep secrets out of texts, traces and frames."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from _oxen_transport.errors import OxenConfigError

_SECRET_NAME = re.compile(r"auth|cookie|credential|api-?key|passw|secret|token", re.IGNORECASE)


@dataclass(frozen=True)
class Redactor:
    """Removes the caller's secrets, and whatever looks like a bearer token, from a text.

    An object, not a tuple of texts: tracebacks with local variables must not show them.
    """

    secrets: tuple[SecretStr, ...] = ()

    def __call__(self, text: str) -> str:
        """The text without them. Shorten it afterwards: the rest of a secret that is cut off is not found."""
        for secret in self.secrets:
            value = secret.get_secret_value()
            if len(value) >= 4:  # a shorter one would redact half of the text
                for written in {value, json.dumps(value)[1:-1], repr(value)[1:-1]}:
                    text = text.replace(written, "[redacted]")
        return re.sub(r"(?i)(bearer\s+)[\w.~+/=-]{6,}", r"\1[redacted]", text)

    def tree(self, value: Any) -> Any:
        """The same for every text in a JSON value."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(key): self.tree(item) for key, item in value.items()}
        return [self.tree(item) for item in value] if isinstance(value, list) else value


NOTHING_SECRET = Redactor()


def check_call_headers(headers: Any) -> None:
    """Refuse one call's header whose name says that it is secret, with a value in clear. Raises: OxenConfigError.

    Tracers, bindings and crash reporters keep a call's arguments; `SecretStr` hides its value in all of these.
    """
    if not isinstance(headers, Mapping):
        return
    for name, value in headers.items():
        if isinstance(value, str) and _SECRET_NAME.search(str(name)):
            raise OxenConfigError(
                f"extra_headers: give {name!r} as SecretStr(...) of pydantic, since tracers see the arguments of a "
                "call; or give it to the constructor, which hides it"
            )
