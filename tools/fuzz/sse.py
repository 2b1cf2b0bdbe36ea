"""Random event streams, cut at random places: our decoder must say what the standard says.

    python -m tools.fuzz.sse --n 10000000 [--seed 1]

ends with one line of JSON, and with status 1 if anything differs. Inputs come in batches of 1,000;
a batch is made from its own seed, so that a find is repeated with `--seed S --batch B`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from _oxen_transport.response.sse import Decoder
from tools.fuzz.oracle import events

BATCH = 1000

# frequent ones are written more than once; together they reach every rule of the standard, and every border
_WORDS = [
    *(b"data: ", b"data:", b"data", b"data: a", b"data: b", b"data: [DONE]", b"event: ", b"event: error", b"event:"),
    *(b"data: c\n\n", b"data: d\r\n\r\n", b"data: e\r\r", b"\ndata: f", b"\rdata:", b"\r\ndata: g", b"\n\nevent: h\n"),
    *(b"data: c\n\n", b"\n\ndata: i", b"id: 7", b"id: \0", b"retry: 10", b":", b": ping", b"foo: bar", b"Data: x"),
    *(b"\n", b"\n", b"\n\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b"\r\r", b"\n", b"\r\n", b"\n\r", b"\n\n\n"),
    *(b"a", b" ", b"  ", b"x:y", b"\t", b"\0", b"\x0b", b"\x0c", b"\x1c", b"data : x", b"event", b"\xef\xbb\xbf"),
    *("é".encode(), "\U0001f402".encode(), "オ".encode(), b"\xc2\x85", b"\xe2\x80\xa8"),
]
_BROKEN = [b"\xff", b"\xe2\x80", b"\xe2", b"\xf0\x9f", b"\xc3", b"\xef\xbb", b"\xef", b"\x80", b"\xed\xa0\x80"]
_ALL = _WORDS + _BROKEN
_STARTS = (b"", b"", b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef", b"\xef\xbb\xbf\xef\xbb\xbf")


def decode_all(pieces: Iterable[bytes], *, ended: bool = False) -> list[tuple[str, str]]:
    """Decode a whole stream at once; invalid UTF-8 becomes U+FFFD. `ended`: it ended in good order."""
    decoder = Decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [(kind, data.decode("utf-8", "replace")) for kind, data in (*events, *(decoder.end() if ended else ()))]


class Difference(NamedTuple):
    """One input on which the decoder and the standard disagree."""

    seed: int
    batch: int
    pieces: list[bytes]
    got: object
    expected: list[tuple[str, str]]


def inputs(seed: int, batch: int, count: int = BATCH) -> Iterator[list[bytes]]:
    """The streams of one batch, each as the list of its pieces."""
    rnd = random.Random(f"sse {seed} {batch}")  # noqa: S311 - repeatable is what it must be
    for _ in range(count):
        words = _ALL if rnd.random() < 0.15 else _WORDS
        body = rnd.choices(words, k=int(rnd.random() * 40))
        stream = b"".join((rnd.choice(_STARTS), *body, b"\n\n" if rnd.random() < 0.5 else b""))
        yield _cut(rnd, stream)


def _cut(rnd: random.Random, stream: bytes) -> list[bytes]:
    size, way = len(stream), rnd.random()
    if way < 0.15:
        return [stream]
    if way < 0.3:
        return [stream[i : i + 1] for i in range(size)]
    cuts = sorted(int(rnd.random() * (size + 1)) for _ in range(1 + int(rnd.random() * 6)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, size], strict=True)]  # empty ones, too


def differences(seed: int, batch: int, count: int = BATCH) -> list[Difference]:
    """Decode a batch both ways. An exception is a difference like any other."""
    found = []
    for pieces in inputs(seed, batch, count):
        ended = batch % 2 == 1
        expected = events(b"".join(pieces), ended=ended)
        got: object
        try:
            got = decode_all(pieces, ended=ended)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            got = repr(error)
        if got != expected:
            found.append(Difference(seed, batch, pieces, got, expected))
    return found


def main() -> int:
    """Run as many inputs as asked for, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000, help="inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=0, help="first batch (default: %(default)s)")
    options = parser.parse_args()

    from tqdm import tqdm

    began, done, found = time.monotonic(), 0, list[Difference]()
    with tqdm(total=options.n, unit=" inputs", unit_scale=True, mininterval=1) as bar:
        while done < options.n and len(found) < 20:
            count = min(BATCH, options.n - done)
            found += differences(options.seed, options.batch + done // BATCH, count)
            done += count
            bar.update(count)
    for difference in found:
        print(difference, file=sys.stderr)
    seconds = time.monotonic() - began
    summary = {
        "target": "sse",
        "inputs": done,
        "differences": len(found),
        "seed": options.seed,
        "seconds": round(seconds, 1),
        "inputs_per_second": round(done / seconds),
    }
    print(json.dumps(summary))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
