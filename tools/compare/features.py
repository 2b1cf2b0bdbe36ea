"""The tables of features in the notebooks: `python -m tools.compare.features`. Each tick is what a probe found.

A probe asks a class for one thing on a scripted server and judges the request and the answer. The columns of
LangChain's table are those of its template for chat models. Afterwards run `poe notebooks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langchain_core.load import dumps, loads
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, DocumentBlock, ImageBlock, TextBlock, VideoBlock
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from _oxen_transport.testing import OxenServer, Server, completion, reply
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
BEGIN, END = "<!-- features: python -m tools.compare.features -->", "<!-- the end of the features -->"
SIGHTED = "gpt-4o"  # whether a model takes media is up to the model
LOGPROBS = {"content": [{"token": "ox", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}
Probe = Callable[[OxenServer], Any]


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


class NoThreads(ThreadPoolExecutor):
    """An event loop's executor that takes no work: what runs in threads is not native async."""

    def submit(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("work for a thread")


async def natively(answer: Any) -> Any:
    asyncio.get_running_loop().set_default_executor(NoThreads())
    return await answer


def chat(server: OxenServer, **settings: Any) -> ChatOxen:
    return ChatOxen(base_url=server.url, api_key="sk-test-0123456789", **settings)


def llm(server: OxenServer, **settings: Any) -> Oxen:
    return Oxen(base_url=server.url, api_key="sk-test-0123456789", **settings)


def sent(server: OxenServer, kind: str) -> bool:
    """Whether the last message held a part of this kind."""
    return kind in {part["type"] for part in server.requests[-1].messages[-1]["content"]}


def langchain_media(block: dict[str, str], kind: str) -> Probe:
    def probe(server: OxenServer) -> bool:
        chat(server.says("An ox."), model=SIGHTED).invoke([HumanMessage([{"type": "text", "text": "?"}, block])])
        return sent(server, kind)

    return probe


def llama_index_media(block: Any, kind: str) -> Probe:
    def probe(server: OxenServer) -> bool:
        message = ChatMessage(role="user", blocks=[TextBlock(text="?"), block])
        llm(server.says("An ox."), model=SIGHTED).chat([message])
        return sent(server, kind)

    return probe


def with_logprobs(server: OxenServer) -> OxenServer:
    body = completion("ox")
    body["choices"][0]["logprobs"] = LOGPROBS
    return server.plays(reply(body))


def langchain_object(server: OxenServer) -> bool:
    asked = chat(server.answers(Person(name="Bob", age=42))).with_structured_output(Person)
    return asked.invoke("Bob is 42.") == Person(name="Bob", age=42)


def llama_index_object(server: OxenServer) -> bool:
    asked = llm(server.answers(Person(name="Bob", age=42)))
    return bool(asked.structured_predict(Person, PromptTemplate("Bob is 42.")) == Person(name="Bob", age=42))


def langchain_call(server: OxenServer) -> bool:
    model = chat(server.calls(("weather", {"city": "Leeds"}))).bind_tools([weather])
    return [call["args"] for call in model.invoke("Leeds?").tool_calls] == [{"city": "Leeds"}]


def llama_index_call(server: OxenServer) -> bool:
    model = llm(server.calls(("weather", {"city": "Leeds"})))
    response = model.chat_with_tools([FunctionTool.from_defaults(weather)], user_msg="Leeds?")
    return [call.tool_kwargs for call in model.get_tool_calls_from_response(response)] == [{"city": "Leeds"}]


def serializable(server: OxenServer) -> bool:
    """The column of LangChain's other table: a model that was written down without its key answers again."""
    text = dumps(chat(server.says("ox")))
    secrets = {"OXEN_API_KEY": "sk-test-0123456789"}
    copy = loads(text, allowed_objects=[ChatOxen], valid_namespaces=["langchain_oxen"], secrets_map=secrets)
    return "sk-test" not in text and copy.invoke("?").text == "ox"


LANGCHAIN: dict[str, Probe] = {
    "[Tool calling](https://docs.langchain.com/oss/python/langchain/tools)": langchain_call,
    "[Structured output](https://docs.langchain.com/oss/python/langchain/structured-output)": langchain_object,
    "Image input": langchain_media({"type": "image", "url": "https://example.org/ox.png"}, "image_url"),
    "Audio input": langchain_media({"type": "audio", "url": "https://example.org/ox.wav"}, "audio_url"),
    "Video input": langchain_media({"type": "video", "url": "https://example.org/ox.mp4"}, "video_url"),
    "Token-level streaming": lambda server: len([c for c in chat(server.says("a b c")).stream("?") if c.text]) > 1,
    "Native async": lambda server: asyncio.run(natively(chat(server.says("ox")).ainvoke("?"))).text,
    "Token usage": lambda server: (chat(server.says("ox")).invoke("?").usage_metadata or {}).get("total_tokens"),
    "Logprobs": lambda server: chat(with_logprobs(server), logprobs=True).invoke("?").response_metadata["logprobs"],
}
LLAMA_INDEX: dict[str, Probe] = {
    "Function calling": llama_index_call,
    "Structured prediction": llama_index_object,
    "Image input": llama_index_media(ImageBlock(url="https://example.org/ox.png"), "image_url"),
    "Audio input": llama_index_media(AudioBlock(url="https://example.org/ox.wav", format="wav"), "audio_url"),
    "Video input": llama_index_media(VideoBlock(url="https://example.org/ox.mp4"), "video_url"),
    "Document input": llama_index_media(DocumentBlock(url="https://example.org/ox.pdf"), "file"),
    "Token-level streaming": lambda server: (
        len([c for c in llm(server.says("a b")).stream_complete("?") if c.delta]) > 1
    ),
    "Native async": lambda server: asyncio.run(natively(llm(server.says("ox")).acomplete("?"))).text,
    "Token usage": lambda server: llm(server.says("ox")).complete("?").additional_kwargs["total_tokens"],
    "Logprobs": lambda server: llm(with_logprobs(server), logprobs=True).complete("?").logprobs,
}
TABLES = {"langchain.md": LANGCHAIN, "llama_index.md": LLAMA_INDEX}


def holds(probe: Probe, server: Server) -> bool:
    """What the probe finds; a class that fails has no tick."""
    try:
        return bool(probe(OxenServer(server)))
    except Exception:  # noqa: BLE001 - any failure is a missing feature
        return False


def table(probes: dict[str, Probe], server: Server) -> str:
    """The table as it is now."""
    ticks = ["✅" if holds(probe, server) else "❌" for probe in probes.values()]
    return f"| {' | '.join(probes)} |\n|{' :---: |' * len(probes)}\n| {' | '.join(ticks)} |"


def main() -> None:
    """Write both tables into the notebooks' texts."""
    with Server() as server:
        for name, probes in TABLES.items():
            page = NOTEBOOKS / name
            before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
            after = rest.partition(END)[2]
            page.write_text(f"{before}{BEGIN}\n{table(probes, server)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
