"""The batch jobs of examples/scale, in small: nothing lost, nothing asked twice, whenever they stop."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.scale.job import Results, prompts

ROOT = Path(__file__).parents[3]
COUNT, DONE = 80, 30


def half_done(folder: Path) -> None:
    """Results of a run that was stopped: some answers, one of them in two files, and a torn line."""
    rows = [json.dumps({**item, "answer": "earlier"}) for item in prompts(DONE)]
    (folder / "part-1-aa.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "part-2-bb.jsonl").write_text(rows[0] + "\n" + '{"id": 79, "prompt": "Wha')


@pytest.mark.parametrize("job", ["plain_batch", "ray_batch"])
def test_a_stopped_job_goes_on_where_it_was(job: str, tmp_path: Path) -> None:
    if job == "ray_batch":
        pytest.importorskip("ray.data", reason="the extra `scale` is not installed")
    half_done(tmp_path)
    command = [sys.executable, "-m", f"examples.scale.{job}", "--simulate", "--count", str(COUNT), "--folder", tmp_path]
    out = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=240)  # noqa: S603
    assert out.returncode == 0, out.stderr[-2000:]
    found = re.search(r"(\d+) missing, (\d+) refused, (\d+) answered, (\d+) of them twice", out.stdout)
    assert found, out.stdout[-500:]
    missing, _, answered, twice = map(int, found.groups())
    assert (missing, answered, twice) == (0, COUNT - DONE, 0)
    rows = list(Results(tmp_path).all())
    assert sorted(row["id"] for row in rows) == list(range(COUNT))
    new = [row for row in rows if row["id"] >= DONE]
    assert all(row["answer"] == f"echo: {row['prompt']}" for row in new)
    assert "100%" in out.stderr, "the progress bar did not come to its end"
    if job == "ray_batch":
        writers = [part for part in tmp_path.glob("part-*") if part.name not in ("part-1-aa.jsonl", "part-2-bb.jsonl")]
        assert writers, "no worker wrote"
