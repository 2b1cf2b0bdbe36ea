"""Qdrant's REST interface over Qdrant's own in-memory mode: a stand-in for the server, which no package carries.

Bodies are read and written by the models that qdrant-client generates from Qdrant's OpenAPI description, so a request
that the real server would not understand is refused here, too. What it cannot show: the real server's own faults.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models


class Qdrant:
    """What it holds, and how it behaves."""

    def __init__(self) -> None:
        self.client = QdrantClient(":memory:")
        self.lock = threading.Lock()
        self.key: str | None = None  # which requests must carry
        self.room = 1_000_000  # points; more are refused with 503, as by a node that goes down
        self.url = ""

    def answer(self, method: str, path: list[str], body: Any) -> Any:
        """The result of one request."""
        if not path:
            return {"title": "qdrant - vector search engine", "version": version("qdrant-client")}
        name, what = (path[1], path[2:]) if len(path) > 1 else ("", [])
        match method, what:
            case "GET", [] if not name:
                return self.client.get_collections()
            case "GET", ["exists"]:
                return {"exists": self.client.collection_exists(name)}
            case "GET", []:
                return self.client.get_collection(name)
            case "PUT", []:
                made = models.CreateCollection.model_validate(body)
                return self.client.create_collection(name, vectors_config=made.vectors)
            case "PUT", ["points"]:
                return self._upsert(name, models.PointsList.model_validate(body).points)
            case "POST", ["points", "scroll"]:
                points, after = self.client.scroll(name, **_arguments(models.ScrollRequest, body, "scroll_filter"))
                return {"points": points, "next_page_offset": after}
            case "POST", ["points", "query"]:
                return self.client.query_points(name, **_arguments(models.QueryRequest, body, "query_filter"))
            case "POST", ["points", "delete"]:
                return self.client.delete(name, TypeAdapter(models.PointsSelector).validate_python(body))
        raise NotImplementedError(f"{method} {'/'.join(path)}")

    def _upsert(self, name: str, points: list[models.PointStruct]) -> Any:
        if self.client.count(name).count + len(points) > self.room:
            raise ConnectionError("Service internal error: the node goes down")
        return self.client.upsert(name, points)


@contextmanager
def qdrant_server() -> Iterator[Qdrant]:
    """The stand-in on a free port."""
    held = Qdrant()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size) or "null")
            path = [part for part in self.path.partition("?")[0].split("/") if part]
            if held.key and self.headers.get("api-key") != held.key:
                self.reply(401, b"Must provide an API key or an Authorization bearer token", "text/plain")
                return
            with held.lock:
                try:
                    status, result = 200, held.answer(self.command, path, body)
                except Exception as error:  # noqa: BLE001 - what the reply says
                    status = 503 if isinstance(error, ConnectionError) else 422
                    result = {"status": {"error": str(error)}, "time": 0.0}
                else:
                    result = result if not path else {"result": result, "status": "ok", "time": 0.0}
            self.reply(status, json.dumps(result, default=_plain).encode(), "application/json")

        do_GET = do_PUT = do_POST = handle_any

        def reply(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        held.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield held
        server.shutdown()
    held.client.close()


def _arguments(kind: type[BaseModel], body: Any, filters: str) -> dict[str, Any]:
    """A request's body as the client's arguments, some of which have other names."""
    renamed = {"filter": filters, "params": "search_params", "with_vector": "with_vectors"}
    asked = kind.model_validate(body)
    return {renamed.get(field, field): getattr(asked, field) for field in asked.model_fields_set}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
