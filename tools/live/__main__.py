"""`python -m tools.live`: try the real service, keep what it sent, say what differs from what we assume."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from _oxen_transport.request.build import build_without_body
from _oxen_transport.settings import DEFAULT_MODEL, OxenSettings
from langchain_oxen import OxenError
from tools.live.cases import Live, cases
from tools.live.recording import Recorder

TOKENS = (9_000, 900)
"""What a run reads and writes at most, roughly: the long prompt twice, the rest are short."""


def main() -> int:
    """Ask for consent, run all cases, print the report. Returns: 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-url", default=None, help="default: OXEN_BASE_URL, else Oxen")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--namespace", default=None, help="also try target_namespace with this one")
    parser.add_argument("--out", type=Path, default=Path("tests/replies/live"), help="folder for the replies")
    parser.add_argument("--yes", action="store_true", help="do not ask before money is spent")
    given = parser.parse_args()
    options: dict[str, Any] = {"model": given.model, "max_retries": 1}
    options |= {"base_url": given.base_url} if given.base_url else {}
    settings = OxenSettings(**options)
    options["base_url"] = settings.base_url
    key = build_without_body(settings, "/models").key
    if given.namespace:
        options["target_namespace"] = given.namespace
    names = [name for name, _ in cases()]
    print(f"{len(names)} cases at {settings.base_url} with {given.model}.")
    print(f"At most {TOKENS[0]:,} tokens in and {TOKENS[1]:,} out: about 3 US cents at 2 and 6 dollars a million.")
    if not given.yes and input("Go on? [y/N] ").strip().lower() != "y":
        return 0
    live = Live(options, Recorder(given.out, key.get_secret_value() if key else ""))
    failed = sum(not run(live, name, case) for name, case in cases())
    print(f"\n{len(names) - failed} of {len(names)} cases ran; the replies are in {given.out}")
    return 1 if failed else 0


def run(live: Live, name: str, case: Any) -> bool:
    """Run one case and print its line. Returns: whether it ran."""
    live.recorder.name, started = name, time.perf_counter()
    try:
        differs = case(live)
    except OxenError as error:
        print(f"FAILED   {name}: {error}")
        return False
    for one in differs:
        print(f"differs  {name}: {one}")
    if not differs:
        print(f"ok       {name} ({time.perf_counter() - started:.1f} s)")
    return True


if __name__ == "__main__":
    sys.exit(main())
