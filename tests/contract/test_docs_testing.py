"""The tests that docs/testing.md shows, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRELUDE = '''
from llama_index_oxen import Oxen as MyLLM

def weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."
'''


def test_the_page_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def test_" in block]
    others = ("mark.vcr", "langchain_openai")  # the real service, and packages that are not needed here
    blocks = [block for block in blocks if not any(word in block for word in others)]
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        (tmp_path / f"test_block{number}.py").write_text(PRELUDE + block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "_oxen_transport.pytest_plugin"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ.get("PATH", "")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "2 passed" in done.stdout
