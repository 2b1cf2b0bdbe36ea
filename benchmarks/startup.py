"""What it takes before the first word: `python -m benchmarks.startup NAME MODE URL`, in a fresh interpreter.

Modules that only their users' other packages bring (`rich` and `click` make httpx import its
command line, httpcore imports `h2`) are hidden from everybody, as they would be absent where only the
measured package is installed. `httpx_aiohttp` is not: ours needs it, and its cost is ours.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
import tracemalloc
from collections import Counter
from typing import Any

from benchmarks import memory
from benchmarks.cases import LANGCHAIN, MODULES_OF, Call, Case

MODULES = {
    "ChatOxen": "langchain_oxen",
    "ChatOpenAI": "langchain_openai",
    "ChatOpenAI on aiohttp": "langchain_openai",
    "ChatMistralAI": "langchain_mistralai",
    "ChatOpenRouter": "langchain_openrouter",
    "Oxen": "llama_index_oxen",
    "OpenAILike": "llama_index.llms.openai_like",
    "MistralAI": "llama_index.llms.mistralai",
    "langchain-core": "",
    "llama-index-core": "",
}
PYTHON = "Python's own"
_HIDDEN = ("rich", "click", "pygments", "h2", "hpack")


def _import_floor(name: str) -> None:
    if name in (*LANGCHAIN, "langchain-core"):
        from langchain_core.language_models import BaseChatModel  # noqa: F401
    else:
        from llama_index.core.llms.function_calling import FunctionCallingLLM  # noqa: F401


def imported(name: str, url: str) -> dict[str, float]:
    """Over the framework's own import: CPU time in percent of it, modules; then what instances take."""
    from benchmarks.subjects import subject

    made: Any = subject(name)
    cpu = time.process_time()
    _import_floor(name)
    floor, before, cpu = time.process_time() - cpu, set(sys.modules), time.process_time()
    importlib.import_module(MODULES[name])
    over = time.process_time() - cpu
    added = set(sys.modules) - before
    figures = {"import_percent": over / floor * 100, "modules": len(added), **_by_package(added)}
    cpu = time.process_time()
    made._make(url)
    figures["first_ms"] = (time.process_time() - cpu) * 1e3
    count = 30
    cpu = time.process_time()
    kept = [made._make(url) for _ in range(count)]
    figures["next_ms"] = (time.process_time() - cpu) * 1e3 / count
    tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    kept += [made._make(url) for _ in range(count)]
    figures["instance_kb"] = (tracemalloc.get_traced_memory()[0] - start) / 1024 / count
    return figures


def _by_package(modules: set[str]) -> dict[str, float]:
    """How many of these modules each package has; those of Python's own library together."""
    tops = (module.partition(".")[0] for module in modules)
    counted = Counter(PYTHON if top in sys.stdlib_module_names else top for top in tops)
    return {f"{MODULES_OF}{package}": count for package, count in counted.items()}


def cold(name: str, url: str, call: Call) -> float:
    """CPU milliseconds from the start of the process to the first chunk of a stream."""
    from benchmarks.subjects import subject

    made = subject(name)
    made.use(Case("cold", "text-200", call), url)

    async def first() -> None:
        async for _ in made.astream():
            break

    if call == "astream":
        asyncio.run(first())
    else:
        next(iter(made.stream()))
    return time.process_time() * 1e3


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name in _HIDDEN:
        sys.modules[name] = None  # type: ignore[assignment]
    name, mode, url = sys.argv[1:]
    figures = {
        "import": lambda: imported(name, url),
        "cold": lambda: {"cold_ms": cold(name, url, "astream")},
        "cold sync": lambda: {"cold_sync_ms": cold(name, url, "stream")},
    }[mode]()
    print(json.dumps({**figures, "peak_mb": memory.peak()} if mode == "cold" else figures))


if __name__ == "__main__":
    main()
