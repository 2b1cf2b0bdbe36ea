"""Subjects that need other versions than the rest: in a folder of their own, which only their process sees."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

FOLDERS = {
    # openai 3 made its clients anew, and LlamaIndex's classes still need openai 2
    "OpenAILike": ("openai<3", "llama-index-llms-openai", "llama-index-llms-openai-like"),
}

BASELINE = "baseline"
"""The folder of the older commit that `--baseline` names."""
_OURS = ("_oxen_transport", "langchain_oxen", "llama_index_oxen")


def folder(name: str, root: Path) -> Path | None:
    """Where the packages of a subject are, installed when first asked for; None if it needs no others.

    They are installed without what they depend on, so that everything else is the same for everybody.

    Raises:
        RuntimeError: They cannot be installed, with pip's last line.
    """
    if name not in FOLDERS:
        return None
    place = root / name
    if not (place / "openai").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place)]
        done = subprocess.run([*command, *FOLDERS[name]], check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"pip cannot install {', '.join(FOLDERS[name])}: {done.stderr.strip()[-200:]}")
    return place


def take_baseline(source: str, root: Path, repository: Path) -> None:
    """Put our packages as they were into their folder.

    Args:
        source: A checkout's folder, or a commit of this repository.
        root: Where the folders of other versions are.
        repository: This repository.

    Raises:
        SystemExit: It is neither.
    """
    place = root / BASELINE
    shutil.rmtree(place, ignore_errors=True)
    if Path(source).is_dir():
        for name in _OURS:
            shutil.copytree(Path(source) / name, place / name)
        return
    command = ["git", "-C", str(repository), "archive", source, *_OURS]
    done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"--baseline {source}: neither a folder nor a commit: {done.stderr.decode().strip()[-200:]}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(place, filter="data")
