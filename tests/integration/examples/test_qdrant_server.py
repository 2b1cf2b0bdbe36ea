"""The examples with --qdrant-url: on a stand-in that speaks Qdrant's REST interface, see qdrant_server.py.

OXEN_TEST_QDRANT_URL names a real server, for the test that needs no faults.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException

from _oxen_transport.testing import Server
from examples.support import langchain_store, llama_index_store
from examples.support.corpus import CORPUS, passages
from examples.support.endings import ExampleError, explanation
from examples.support.knowledge import collection, connect
from tests.integration.examples.model import answer
from tests.integration.examples.qdrant_server import Qdrant, qdrant_server
from tests.integration.examples.running import run

fill = {"langchain": langchain_store.store, "llama_index": llama_index_store.index}


@pytest.fixture(scope="module")
def qdrant() -> Iterator[Qdrant]:
    """One server, which both frameworks fill."""
    with qdrant_server() as held:
        yield held


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for page in ("limits.txt", "whentouse.txt"):
        shutil.copy(CORPUS / page, folder)
    return folder


def stored(client: QdrantClient, framework: str, documents: Path) -> list[str]:
    points, _ = client.scroll(collection(client, framework, documents), limit=10_000)
    return sorted(str(point.id) for point in points)


@pytest.mark.parametrize("framework", fill)
def test_a_server_holds_what_was_embedded_for_each_framework(
    framework: str, qdrant: Qdrant, server: Server, documents: Path, tmp_path: Path
) -> None:
    url = os.environ.get("OXEN_TEST_QDRANT_URL") or qdrant.url
    client, whole = QdrantClient(url=url), sorted(passage.id for passage in passages(documents))
    for add in fill.values():
        add(client, documents)
    assert stored(client, framework, documents) == whole
    cache = str(tmp_path / "cache")
    environment = {"OXEN_BASE_URL": server.stage(answer).url, "OXEN_API_KEY": "sk-test", "XDG_CACHE_HOME": cache}
    out, err = run(f"{framework}.rag", "--qdrant-url", url, "--documents", str(documents), **environment)
    assert "Embedding" not in err
    assert "[1] limits.txt, Maximum Number Of Attached Databases:" in out
    assert not list(tmp_path.glob("cache/oxen-integrations/qdrant/*")), "nothing is kept on this machine"


@pytest.mark.parametrize("framework", fill)
def test_a_server_that_fails_is_one_line_and_the_next_run_goes_on(
    framework: str, qdrant: Qdrant, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, whole = QdrantClient(url=qdrant.url), sorted(passage.id for passage in passages(documents))
    monkeypatch.setattr(qdrant, "upserts", 1)
    with pytest.raises(ApiException) as caught:
        fill[framework](client, documents)
    monkeypatch.undo()
    assert str(explanation(caught.value)).startswith("Qdrant failed (Unexpected Response: 503")
    first = stored(client, framework, documents)
    assert set(first) < set(whole)
    assert first
    fill[framework](client, documents)
    assert stored(client, framework, documents) == whole


@pytest.mark.filterwarnings(
    "ignore:Api key is used with an insecure connection", "ignore:Failed to obtain server version"
)
def test_what_is_wrong_with_a_server_says_what_to_do(
    qdrant: Qdrant, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExampleError, match=r"No Qdrant answers at http://127\.0\.0\.1:port .*: check the address"):
        connect("http://127.0.0.1:port", "langchain")
    with pytest.raises(ExampleError, match=r"No Qdrant answers at .*/elsewhere \(HTTP status 404\): check the address"):
        connect(f"{qdrant.url}/elsewhere", "langchain")
    monkeypatch.setattr(qdrant, "key", "right")
    for key in ("", "wrong"):
        monkeypatch.setenv("QDRANT_API_KEY", key)
        with pytest.raises(ExampleError, match="refuses the key: set QDRANT_API_KEY"):
            connect(qdrant.url, "langchain")
    monkeypatch.setenv("QDRANT_API_KEY", "right")
    client = connect(qdrant.url, "langchain")
    name = collection(client, "langchain", documents)
    client.delete_collection(name)
    client.create_collection(name, models.VectorParams(size=3, distance=models.Distance.COSINE))
    with pytest.raises(ExampleError, match=r"holds vectors of another shape than 512 numbers.*: delete the collection"):
        collection(client, "langchain", documents)
