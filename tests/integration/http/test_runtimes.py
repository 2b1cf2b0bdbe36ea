"""Where Python web code runs: uvloop, eager tasks, loops in threads, patched modules, a web server.

Each in a process of its own, on a real server, every warning an error.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

from _oxen_transport.testing import ANSWER, HANG, Server, chunks, echo, good, open_stream, sse
from tests.processes import ROOT, python

WARNINGS = ["error", "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning", "ignore::UserWarning"]

BEGIN = """
import asyncio, sys
from tests.entry_points import LangChain, LlamaIndex, entry_points

def apis_of(url, is_async):
    return [(api, api.make(url, max_retries=0)) for api in entry_points(LangChain, LlamaIndex, is_async=is_async)]

async def ask_all(url):
    for api, model in apis_of(url, True):
        assert (await api.ask_async(model, "ox")).text == "echo: ox"
"""


def run(program: str, url: str) -> None:
    """Run a program with the server's URL; it must leave no word on stderr, no warning at its end among them."""
    flags = [part for warning in WARNINGS for part in ("-W", warning)]
    done = python(*flags, "-c", BEGIN + textwrap.dedent(program), url)
    assert (done.returncode, done.stderr) == (0, "")


PROGRAMS = {
    "uvloop": "import uvloop\nuvloop.run(ask_all(sys.argv[1]))",
    "eager tasks": """
        async def main():
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
            await asyncio.gather(*[asyncio.create_task(ask_all(sys.argv[1])) for _ in range(5)])
        asyncio.run(main())
    """,
    "loops in threads": """
        import threading
        threads = [threading.Thread(target=lambda: asyncio.run(ask_all(sys.argv[1]))) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """,
    # as notebooks and scripts leave it: the end of the process is quiet
    "a loop that is never closed": """
        import warnings
        warnings.filterwarnings("ignore", "unclosed event loop", ResourceWarning)
        warnings.filterwarnings("ignore", "unclosed <socket.* family=1", ResourceWarning)  # the loop's own pair
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask_all(sys.argv[1]))
    """,
    # without `shutdown_asyncgens` nobody can close the connections in time; there is no word about a session
    "loops closed without their generators": """
        import gc, warnings
        warnings.filterwarnings("ignore", "unclosed", ResourceWarning)  # asyncio's own, about its transports
        for _ in range(3):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(ask_all(sys.argv[1]))
            loop.close()
            gc.collect()
    """,
    "nest_asyncio": """
        import nest_asyncio
        nest_asyncio.apply()
        async def main():
            asyncio.get_event_loop().run_until_complete(ask_all(sys.argv[1]))
            for api, model in apis_of(sys.argv[1], False):
                assert api.ask(model, "ox").text == "echo: ox"
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_answers_come_and_nobody_complains(name: str, server: Server) -> None:
    if name == "eager tasks" and sys.version_info < (3, 12):
        pytest.skip("eager tasks came with Python 3.12")
    if name in {"uvloop", "nest_asyncio"}:
        pytest.importorskip(name)
    run(PROGRAMS[name], server.stage(echo).url)


def test_uvloop_over_tls(tls_server: Server, certificates: Any) -> None:
    pytest.importorskip("uvloop")
    program = f"""
        import uvloop
        async def main():
            for api in entry_points(LangChain, LlamaIndex, is_async=True):
                model = api.make(sys.argv[1], ca_bundle={str(certificates.authority)!r}, max_retries=0)
                assert (await api.ask_async(model, "ox")).text == "echo: ox"
        uvloop.run(main())
    """
    run(program, tls_server.stage(echo).url)


def test_sync_calls_under_gevent(server: Server) -> None:
    """Ten greenlets wait at once: the patched sockets do not block each other."""
    pytest.importorskip("gevent")
    program = """
        import gevent
        def ask(number):
            for api, model in apis_of(sys.argv[1], False):
                assert api.ask(model, f"p{number}").text == f"echo: p{number}"
        gevent.joinall([gevent.spawn(ask, number) for number in range(10)], raise_error=True)
    """
    patch = "from gevent import monkey\nmonkey.patch_all()\n"
    done = python("-c", patch + BEGIN + textwrap.dedent(program), server.stage(echo).url)
    assert done.returncode == 0, done.stderr


def test_no_blocking_call_in_the_event_loop(tls_server: Server, certificates: Any) -> None:
    """The detector of `langgraph dev`: certificates are read, and names looked up, in a thread."""
    pytest.importorskip("blockbuster")
    program = f"""
        from blockbuster import blockbuster_ctx
        entry_points = entry_points(LangChain, LlamaIndex, is_async=True)
        options = dict(ca_bundle={str(certificates.authority)!r}, max_retries=0)
        models = [api.make(sys.argv[1], **options) for api in entry_points]
        async def main():
            for api, model in zip(entry_points, models):
                assert (await api.ask_async(model, "ox")).text == "echo: ox"
        with blockbuster_ctx():
            asyncio.run(main())
    """
    run(program, tls_server.stage(echo).url)


APP = """
import sys
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from langchain_oxen import ChatOxen
from llama_index_oxen import Oxen

app = FastAPI()
url = sys.argv[1]

async def from_langchain():
    async for chunk in ChatOxen(base_url=url).astream("ox"):
        yield chunk.text

async def from_llama_index():
    from llama_index.core.llms import ChatMessage
    async for chunk in await Oxen(base_url=url).astream_chat([ChatMessage("ox")]):
        yield chunk.delta

@app.get("/{which}")
async def answer(which: str):
    return StreamingResponse((from_langchain if which == "langchain" else from_llama_index)(), media_type="text/plain")

if __name__ == "__main__":
    import socket
    import uvicorn
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error", loop=sys.argv[2])).run(sockets=[listener])
"""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("which", ["langchain", "llama_index"])
def test_a_web_app_streams_and_survives_a_client_that_leaves(which: str, loop: str, server: Server) -> None:
    httpx = pytest.importorskip("httpx")
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    stage = server.stage(open_stream(sse(chunks(finish_reason=None), done=False), HANG), good)
    command = [sys.executable, "-c", APP, stage.url, loop]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as app:  # noqa: S603
        try:
            assert app.stdout is not None
            url = f"http://127.0.0.1:{app.stdout.readline().strip()}/{which}"
            with httpx.stream("GET", url, timeout=30) as response:
                assert next(response.iter_text()), "the first words come before the answer is complete"
            assert stage.released(10), "the client left: the connection to the model is closed"
            assert httpx.get(url, timeout=30).text == ANSWER, "and the app lives on"
        finally:
            app.terminate()
