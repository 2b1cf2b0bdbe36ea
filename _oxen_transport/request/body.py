"""A request's body: what its model is known to refuse, what is left of the window, its bytes."""

from __future__ import annotations

import json
from typing import Any

from _oxen_transport import catalogue
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import Family
from _oxen_transport.request.tokens import Count, check, fit, window_of
from _oxen_transport.settings import OxenSettings
from _oxen_transport.unicode import valid_json


def check_parameters(body: dict[str, Any], known: Family) -> None:
    """Refuse what the family is known to refuse. Raises: OxenConfigError."""
    model = body["model"]
    temperature = body.get("temperature")
    if temperature is not None and temperature > known.max_temperature:
        raise OxenConfigError(f"temperature: {model} accepts at most {known.max_temperature} (got {temperature})")
    if refused := sorted(known.refused & body.keys()):
        raise OxenConfigError(f"{refused[0]}: {model} does not accept it; leave it unset")
    if known.exclusive and set(known.exclusive) <= body.keys():
        one, other = known.exclusive
        raise OxenConfigError(f"{one}, {other}: {model} accepts one of them; leave the other unset")


def fit_window(settings: OxenSettings, body: dict[str, Any], prompt: Count) -> None:
    """Hold the prompt against the window: `max_tokens="fit"`, `check_context=True`."""
    model = body["model"]
    total = window_of(settings, model)
    if body.get("max_tokens") == "fit":
        listed = catalogue.known.get(settings.base_url, model)
        body["max_tokens"] = fit(prompt, total, most=listed.max_output_tokens if listed else None, model=model)
    else:
        reserved = body.get("max_tokens") or body.get("max_completion_tokens")
        check(prompt, total, reserved=reserved if isinstance(reserved, int) else None, model=model)


def encode(body: dict[str, Any]) -> bytes:
    """The body as JSON, in UTF-8. Raises: OxenConfigError."""
    try:
        content = valid_json(body)
        if b"NaN" in content or b"Infinity" in content:  # in a text, or as a number
            json.loads(content, parse_constant=_refuse_constant)
        return content
    except ValueError as error:
        reason = str(error)
    raise OxenConfigError(f"the request is not JSON serializable: {reason[:200]}")


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")
