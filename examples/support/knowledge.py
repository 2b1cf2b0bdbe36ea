"""The documents in Qdrant: embedded on disk, or on a server. What is there already is not embedded again.

The collection itself is the only record of what has been done: each passage has an id made from its text and its
place. So a run that was stopped, in whatever way, is completed by the next one: it adds what is missing and deletes
what no document holds any more.
"""

from __future__ import annotations

import argparse
import atexit
import hashlib
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse
from tqdm import tqdm

from examples.support.cache import cache_dir
from examples.support.corpus import CORPUS, Passage, passages
from examples.support.embeddings import DIMENSIONS
from examples.support.endings import ExampleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH = 32  # passages that are embedded and stored at once: what a killed run has to do again at most
CLOSE = 0.28  # cosine: passages about other things than the question are farther away (tests/integration/examples)


def options(description: str | None, *questions: str) -> argparse.Namespace:
    """The command line that all examples over documents have: `questions`, `documents`, `qdrant_url`.

    `question` is all of `questions` as one, for examples that answer one: quotes are not needed then.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "questions", metavar="question", nargs="*", default=list(questions), help="default: %(default)s"
    )
    parser.add_argument("--documents", type=Path, default=CORPUS, help="a folder of .txt and .md files")
    parser.add_argument("--qdrant-url", help="of a server or cluster; default: embedded in this process, on disk")
    given = parser.parse_args()
    given.question = " ".join(given.questions)
    return given


def turns(given: argparse.Namespace) -> Iterator[str]:
    """The questions of the command line; then, on a terminal, those that are typed, until an empty line."""
    yield from given.questions
    while sys.stdin.isatty() and (question := input("You (an empty line ends it): ").strip()):
        yield question


@cache
def connect(url: str | None, framework: str) -> QdrantClient:
    """A client of the server at `url` (key: $QDRANT_API_KEY), else of a folder in the cache. Raises: ExampleError."""
    client = _server(url) if url else _embedded(cache_dir("qdrant", framework))
    atexit.register(client.close)
    return client


def _server(url: str) -> QdrantClient:
    try:
        client = QdrantClient(url=url, api_key=os.environ.get("QDRANT_API_KEY"))
        client.get_collections()
    except UnexpectedResponse as error:
        if error.status_code in {401, 403}:
            raise ExampleError(f"Qdrant at {url} refuses the key: set QDRANT_API_KEY to one that it knows.") from error
        reason = f"HTTP status {error.status_code}"
    except (ApiException, ValueError) as error:
        reason = str(error)
    else:
        return client
    raise ExampleError(
        f"No Qdrant answers at {url} ({reason}): check the address, start it, or leave --qdrant-url out."
    )


def _embedded(folder: Path) -> QdrantClient:
    try:
        return QdrantClient(path=str(folder))
    except RuntimeError as error:
        raise ExampleError(
            f"Another process uses {folder}: wait for its end, or run a Qdrant server and name it with --qdrant-url."
        ) from error
    except Exception as error:
        raise ExampleError(f"{folder} cannot be read ({error}): delete it, and the next run fills it again.") from error


def collection(client: QdrantClient, framework: str, folder: Path) -> str:
    """The name of the folder's collection, which is made if need be. Raises: ExampleError, if it is another model's.

    Each framework has its own, because each stores a passage in another form, and a server may hold both.
    """
    name = f"{framework}-{folder.name}-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"
    if not client.collection_exists(name):
        size = models.VectorParams(size=DIMENSIONS, distance=models.Distance.COSINE)
        client.create_collection(name, vectors_config=size)
    held = client.get_collection(name).config.params.vectors
    if not isinstance(held, models.VectorParams) or held.size != DIMENSIONS:
        raise ExampleError(
            f"The collection {name} holds vectors of another shape than {DIMENSIONS} numbers, so another model wrote "
            "it: delete the collection, or keep your documents in a folder of another name."
        )
    return name


def synchronise(client: QdrantClient, name: str, folder: Path, add: Callable[[list[Passage]], object]) -> None:
    """Make a collection hold the passages of a folder, and nothing else. `add` embeds some and stores them."""
    wanted = {passage.id: passage for passage in passages(folder)}
    held = _ids(client, name)
    new = sorted((wanted[key] for key in wanted.keys() - held), key=lambda passage: len(passage.text))
    if new:
        with tqdm(total=len(wanted), initial=len(wanted) - len(new), desc=f"Embedding {folder.name}") as bar:
            for start in range(0, len(new), BATCH):  # of like length: the model pads all to the longest
                batch = new[start : start + BATCH]
                add(batch)
                bar.update(len(batch))
    if gone := held - wanted.keys():
        client.delete(name, models.PointIdsList(points=list(gone)))
    if new or gone:
        print(f"{folder.name}: {len(wanted)} passages, {len(new)} new, {len(gone)} gone", file=sys.stderr)


def _ids(client: QdrantClient, name: str) -> set[str]:
    found: set[str] = set()
    offset = None
    while True:
        page, offset = client.scroll(name, limit=10_000, offset=offset, with_payload=False)
        found |= {str(point.id) for point in page}
        if offset is None:
            return found
