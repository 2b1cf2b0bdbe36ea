"""Peers that need other versions than the rest: in a folder of their own, which only their process sees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDERS = {
    # openai 3 made its clients anew, and LlamaIndex's classes still need openai 2
    "OpenAILike": ("openai<3", "llama-index-llms-openai", "llama-index-llms-openai-like"),
}


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
