"""The catalogue's endpoints: https://docs.oxen.ai/inference-api/reference/models/overview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from _oxen_transport.testing.answers import error_body, whole

if TYPE_CHECKING:
    from _oxen_transport.testing.connection import Received

MIXTRAL: dict[str, Any] = {
    "capabilities": {"input": ["text"], "output": ["text"]},
    "context_length": 64_000,
    "created": 1_713_312_000,
    "deployments": [],
    "description": "A sparse mixture of experts: 141B parameters, 39B of them active.",
    "developer": {"logo": None, "name": "Mistral AI"},
    "display_name": "Mixtral 8x22B",
    "endpoint": "/chat/completions",
    "fine_tuning": None,
    "id": "open-mixtral-8x22b",
    "max_output_tokens": None,
    "model_type": "base",
    "object": "model",
    "owned_by": "oxen",
    "pricing": {"input_cost_per_token": 2 / 1_000_000, "method": "token", "output_cost_per_token": 6 / 1_000_000},
    "released_at": None,
    "request_schema": None,
    "summary": "MoE model for code and multilingual",
}
"""The page's model, in the documented form. The price is Mistral's former one, made up as to Oxen."""


def catalogue_reply(request: Received, models: list[dict[str, Any]]) -> bytes:
    """The answer to `/models`, `/models/search`, `/models/{id}`, and to `activate` and `deactivate`."""
    path = request.path.rstrip("/").partition("/models")[2]
    if not request.path.rstrip("/").endswith("/models") and "/models/" not in request.path:
        return whole(error_body(f"no such endpoint: {request.path}"), 404)
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}
    if path in ("", "/search"):
        return whole({"data": [one for one in models if _fits(one, query)], "object": "list"})
    name, _, action = unquote(path[1:]).rpartition("/")
    if request.method == "POST" and action in ("activate", "deactivate"):
        status = "deploying" if action == "activate" else "deactivating"
        found = [{**one, "deployments": [{"status": status}]} for one in models if one["id"] == name]
    else:
        name = unquote(path[1:])
        found = [one for one in models if one["id"] == name]
    return whole(found[0]) if found else whole(error_body(f"Model not found: {name}"), 404)


def _fits(model: dict[str, Any], query: dict[str, str]) -> bool:
    developer = str((model.get("developer") or {}).get("name", "")).lower()
    words = f"{model['id']} {model.get('display_name') or ''} {developer}".lower()
    return query.get("search", "").lower() in words and query.get("developer_name", "").lower() in developer
