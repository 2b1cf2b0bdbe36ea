"""The sync and the async client are the same, line for line, but for `async` and `await`."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "_oxen_transport"
NAMES = {
    "AsyncOxenClient": "OxenClient",
    "AsyncResponse": "Response",
    "AsyncGenerator[Chunk, None]": "Generator[Chunk, None, None]",
    "aclosing": "closing",
    "aclose": "close",
    "close_async": "close_sync",
    "open_async": "open_sync",
    "http_async_client": "http_client",
    "time.sleep": "sleep",
}


def steps(file: str) -> list[str]:
    """The statements of a file's class, without what must differ."""
    text = (PACKAGE / file).read_text()
    text = text[text.index("OxenClient:") :]
    text = re.sub(r'""".*?"""|#[^\n]*', "", text, flags=re.DOTALL)
    text = re.sub(r"\b(async|await) ", "", text)
    for name, other in NAMES.items():
        text = text.replace(name, other)
    text = re.sub(r"for (\w+) in ([^\n]*):\s*yield \1\b", r"yield from \2", text)
    text = re.sub(r"\s+", " ", text).replace("( ", "(").replace(" )", ")")
    # `with a, b:` cannot be written where only one of the two is asynchronous
    return text.replace("suppress(Exception): with ", "suppress(Exception), ").split(" def ")


def test_the_clients_read_alike() -> None:
    sync, asynchronous = steps("client.py"), steps("async_client.py")
    assert len(sync) > 10
    assert sync == asynchronous
