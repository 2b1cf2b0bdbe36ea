"""Settings for vcrpy (and pytest-recording): recordings that hold no key, and that a person can read.

https://vcrpy.readthedocs.io/en/latest/advanced.html
"""

from __future__ import annotations

import os
import re
from typing import Any

_KEYS = re.compile(r"\b(?:sk-[A-Za-z0-9_-]{16,}|SFMyNTY\.[\w.-]{20,})")
"""What Oxen's keys look like, https://docs.oxen.ai: new ones, and older ones that are tokens."""
_SECRET_HEADERS = ("authorization", "proxy-authorization", "x-api-key", "cookie")
_OWN_HEADERS = ("set-cookie",)


def vcr_config() -> dict[str, Any]:
    """For `vcr.VCR(**vcr_config())`, or as the fixture `vcr_config` of pytest-recording.

    The key's header is left out; streams are written as text, not compressed; a request matches by method, place
    and body, in which the order of keys does not matter; and nothing is recorded that has a key in it.
    """
    return {
        "filter_headers": list(_SECRET_HEADERS),
        "decode_compressed_response": True,
        "match_on": ["method", "scheme", "host", "port", "path", "query", "body"],
        "before_record_request": _clean_request,
        "before_record_response": _clean_response,
    }


def _clean_request(request: Any) -> Any:
    _refuse_a_key("request", request.uri, request.body)
    return request


def _clean_response(response: dict[str, Any]) -> dict[str, Any]:
    headers = response.get("headers") or {}
    kept = {name: value for name, value in headers.items() if name.lower() not in _OWN_HEADERS}
    body = response.get("body") or {}
    _refuse_a_key("response", str(kept), body.get("string") or response.get("content"))
    return {**response, "headers": kept}


def _refuse_a_key(where: str, *texts: Any) -> None:
    key = os.environ.get("OXEN_API_KEY", "")
    for value in texts:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
        if (len(key) > 8 and key in text) or _KEYS.search(text):
            raise KeyInRecordingError(
                f"the {where} has an API key in it, outside of the headers that are left out: it is not recorded. "
                "Take the key out of the URL, the prompt or the body"
            )


class KeyInRecordingError(ValueError):
    """Something with a key in it was about to be written to a file."""
