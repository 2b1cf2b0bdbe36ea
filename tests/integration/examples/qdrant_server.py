"""Qdrant's REST interface over Qdrant's own in-memory mode: a stand-in for the server, which no package carries.

Bodies are read and written by the models that qdrant-client generates from Qdrant's OpenAPI description, so what is no
valid request is refused (422). What it cannot show are faults of the real server's own.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from qdrant_client import QdrantClient, models


class Qdrant:
    """What the server holds, and how it behaves."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = QdrantClient(":memory:", force_disable_check_same_thread=True)
        self.key: str | None = None  # which requests must carry
        self.upserts = 1_000_000  # that many more it takes, then it answers 503, as a node that goes down


def _guarded(qdrant: Qdrant) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def _key(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        if qdrant.key and request.headers.get("api-key") != qdrant.key:
            return Response("Must provide an API key or an Authorization bearer token", 401)
        return await call(request)

    @app.get("/")
    async def _about() -> Any:
        return {"title": "qdrant - vector search engine", "version": version("qdrant-client")}

    return app


def application(qdrant: Qdrant) -> FastAPI:
    """What the examples ask of a server."""
    app, held = _guarded(qdrant), qdrant.client

    @app.get("/collections")
    async def _collections() -> Any:
        return _result(held.get_collections())

    @app.get("/collections/{name}/exists")
    async def _exists(name: str) -> Any:
        return _result({"exists": held.collection_exists(name)})

    @app.get("/collections/{name}")
    async def _collection(name: str) -> Any:
        return _result(held.get_collection(name))

    @app.put("/collections/{name}")
    async def _create(name: str, body: models.CreateCollection) -> Any:
        return _result(held.create_collection(name, vectors_config=body.vectors))

    @app.put("/collections/{name}/points")
    async def _upsert(name: str, body: models.PointsList) -> Any:
        qdrant.upserts -= 1
        return _result(held.upsert(name, body.points)) if qdrant.upserts >= 0 else Response("the node goes down", 503)

    @app.delete("/collections/{name}")
    async def _drop(name: str) -> Any:
        return _result(held.delete_collection(name))

    @app.post("/collections/{name}/points/scroll")
    async def _scroll(name: str, body: models.ScrollRequest) -> Any:
        points, after = held.scroll(name, **_arguments(body, filter="scroll_filter", with_vector="with_vectors"))
        return _result({"points": points, "next_page_offset": after})

    @app.post("/collections/{name}/points/query")
    async def _query(name: str, body: models.QueryRequest) -> Any:
        renamed = {"filter": "query_filter", "params": "search_params", "with_vector": "with_vectors"}
        return _result(held.query_points(name, **_arguments(body, **renamed)))

    @app.post("/collections/{name}/points/delete")
    async def _delete(name: str, body: models.PointIdsList) -> Any:
        return _result(held.delete(name, body))

    return app


def _result(value: Any) -> dict[str, Any]:
    return {"result": value, "status": "ok", "time": 0.0}


def _arguments(body: BaseModel, **renamed: str) -> dict[str, Any]:
    """A request's fields as the client's arguments, some of which have other names."""
    return {renamed.get(field, field): getattr(body, field) for field in body.model_fields_set}


@contextmanager
def qdrant_server() -> Iterator[Qdrant]:
    """The stand-in on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held = Qdrant(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(application(held), log_level="error"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield held
        server.should_exit = True
        thread.join()
