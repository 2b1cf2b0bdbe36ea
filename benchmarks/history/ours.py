"""Our two classes alone, commit by commit: CPU time, function calls, memory.

Everything here is imported from the commit under test; the server is started from this checkout, and knows nothing
of ours. Methods are named as asv wants them: `time_` by the clock of the CPU, `track_` and `peakmem_` without one.
"""

from __future__ import annotations

import asyncio
import cProfile
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SERVER = Path(__file__).parent.parent / "server.py"
KEY = "sk-benchmark-0123456789"
CHUNKS, SHORT = 2000, 200


def chat_oxen(url: str) -> Any:
    from langchain_oxen import ChatOxen

    return ChatOxen(api_key=KEY, base_url=url)


def oxen(url: str) -> Any:
    from llama_index_oxen import Oxen

    return Oxen(api_key=KEY, base_url=url)


class Ours:
    """Both classes against the loopback server."""

    params = (["ChatOxen", "Oxen"],)
    param_names = ("class",)
    timer = time.process_time

    def setup(self, name: str) -> None:
        command = [sys.executable, str(SERVER)]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        assert self.server.stdout is not None
        root = f"http://127.0.0.1:{self.server.stdout.readline().strip()}"
        make = chat_oxen if name == "ChatOxen" else oxen
        paths = ("answer", f"text-{CHUNKS}", f"text-{SHORT}", "text-20-20")
        self.answer, self.long, self.short, self.paced = (make(f"{root}/{path}") for path in paths)
        self.prompt = "What does the ox do?" if name == "ChatOxen" else self._messages()
        self.loop = asyncio.new_event_loop()
        self.time_call(name)  # what is made once is made by now
        self.time_async_call(name)
        self._drain(self.long)

    def teardown(self, name: str) -> None:
        self.server.kill()
        self.server.communicate()

    def _messages(self) -> list[Any]:
        from llama_index.core.llms import ChatMessage

        return [ChatMessage(role="user", content="What does the ox do?")]

    def _ask(self, model: Any) -> Any:
        return (model.chat if hasattr(model, "chat") else model.invoke)(self.prompt)

    async def _aask(self, model: Any) -> Any:
        return await (model.achat if hasattr(model, "achat") else model.ainvoke)(self.prompt)

    def _drain(self, model: Any) -> None:
        for _ in (model.stream_chat if hasattr(model, "stream_chat") else model.stream)(self.prompt):
            pass

    async def _adrain(self, model: Any) -> None:
        llama_index = hasattr(model, "astream_chat")
        chunks = await model.astream_chat(self.prompt) if llama_index else model.astream(self.prompt)
        async for _ in chunks:
            pass

    def _together(self, work: Callable[[], Any], count: int) -> None:
        async def crowd() -> None:
            await asyncio.gather(*(work() for _ in range(count)))

        self.loop.run_until_complete(crowd())

    def time_call(self, name: str) -> None:
        self._ask(self.answer)

    def time_async_call(self, name: str) -> None:
        self.loop.run_until_complete(self._aask(self.answer))

    def time_100_calls_at_once(self, name: str) -> None:
        self._together(lambda: self._aask(self.answer), 100)

    def time_stream(self, name: str) -> None:
        self._drain(self.long)

    def time_async_stream(self, name: str) -> None:
        self.loop.run_until_complete(self._adrain(self.long))

    def time_100_paced_streams(self, name: str) -> None:
        self._together(lambda: self._adrain(self.paced), 100)

    def peakmem_100_paced_streams(self, name: str) -> None:
        self._together(lambda: self._adrain(self.paced), 100)

    def track_function_calls_per_call(self, name: str) -> float:
        return _calls(lambda: self._ask(self.answer))

    def track_function_calls_per_chunk(self, name: str) -> float:
        self._drain(self.short)
        return (_calls(lambda: self._drain(self.long)) - _calls(lambda: self._drain(self.short))) / (CHUNKS - SHORT)


Ours.track_function_calls_per_call.unit = Ours.track_function_calls_per_chunk.unit = "calls"  # type: ignore[attr-defined]


def _calls(work: Callable[[], Any]) -> float:
    """Function calls that some work takes, with every library's: a figure that no busy machine changes."""
    profile = cProfile.Profile()
    profile.enable()
    work()
    profile.disable()
    return float(sum(entry.callcount for entry in profile.getstats()))


def timeraw_import_langchain_oxen() -> str:
    return "import langchain_oxen"


def timeraw_import_llama_index_oxen() -> str:
    return "import llama_index_oxen"
