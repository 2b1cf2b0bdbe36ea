"""Keeps what the service sent as a recorded reply, with the key and all ids masked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx

_KEPT = ("content-type", "retry-after", "x-ratelimit", "ratelimit")
_IDS = re.compile(r'("(?:\w*_)?id"\s*:\s*")([^"]+)(")')
_TIMES = re.compile(r'("created"\s*:\s*)\d+')


def masked(text: str, key: str) -> str:
    """The text without the key; ids keep their form alone: letters become a or A, digits 0."""
    text = text.replace(key, "[key]") if key else text
    text = _IDS.sub(lambda found: found[1] + _form(found[2]) + found[3], text)
    return _TIMES.sub(r"\g<1>1700000000", text)


def _form(value: str) -> str:
    prefix = re.match(r"(?:chatcmpl|cmpl|call|req|msg)[-_]", value)
    kept = prefix[0] if prefix else ""
    rest = value[len(kept) :]
    return kept + re.sub(r"\d", "0", re.sub(r"[A-Z]", "A", re.sub(r"[a-z]", "a", rest)))


class Recorder(httpx.BaseTransport):
    """A transport that writes each response to a file `{name}_{number}.http`, as its bytes came.

    Args:
        folder: Where to.
        key: What must not be in it.
        ids_are_kept: Model ids are names, not secrets: a catalogue is kept as it is.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.name, self.status, self.text = "", 0, ""
        self._folder, self._key = folder, key
        self._next = httpx.HTTPTransport()
        folder.mkdir(parents=True, exist_ok=True)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["accept-encoding"] = "identity"
        response = self._next.handle_request(request)
        self.status = response.status_code
        lines = [f"{name}: {value}" for name, value in response.headers.items() if name.lower().startswith(_KEPT)]
        return httpx.Response(response.status_code, headers=response.headers, stream=_Teed(response, self, lines))

    def save(self, lines: list[str], body: bytes) -> None:
        """Write one reply."""
        is_catalogue = self.name.startswith("models")
        text = body.decode("utf-8", "replace")
        self.text = text.replace(self._key, "[key]") if is_catalogue else masked(text, self._key)
        data = self.text.encode()
        head = [f"HTTP/1.1 {self.status} Recorded", *lines, f"content-length: {len(data)}", "", ""]
        numbers = (number for number in range(1, 1000) if not self._path(number).exists())
        self._path(next(numbers)).write_bytes("\r\n".join(head).encode() + data)

    def _path(self, number: int) -> Path:
        return self._folder / f"live_{self.name}{'' if number == 1 else f'_{number}'}.http"


class _Teed(httpx.SyncByteStream):
    """A body that is saved when it is closed, as far as it was read."""

    def __init__(self, response: httpx.Response, recorder: Recorder, lines: list[str]) -> None:
        self._response, self._recorder, self._lines, self._seen = response, recorder, lines, bytearray()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._response.iter_raw():
            self._seen += piece
            yield piece

    def close(self) -> None:
        self._response.close()
        self._recorder.save(self._lines, bytes(self._seen))
