"""The verdict on `mutmut run`: how many changes to the source the tests noticed; status 1 below 90 %.

mutmut run && mutmut export-cicd-stats && python -m tools.mutation
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

GOAL = 0.9


def main() -> int:
    """Read the figures, print them, judge."""
    stats = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text())
    noticed = stats["killed"] + stats["timeout"] + stats.get("segfault", 0)
    score = noticed / max(stats["total"] - stats.get("skipped", 0), 1)
    print(json.dumps({**stats, "score": round(score, 4)}))
    return 0 if score >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
