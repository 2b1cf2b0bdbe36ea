"""A FastAPI app that streams a subject's chunks on to its clients: the whole way of a chat service.

The app is served in the worker's process, whose CPU time is measured; its clients are a process of
their own: `python -m benchmarks.app PORT CLIENTS BYTES` reads so many answers at once.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator

from benchmarks.cases import Case
from benchmarks.server import texts
from benchmarks.subject import Subject


async def app_serving(subject: Subject, case: Case) -> int:
    """Serve as many clients as the case says, all at once. Returns how many did not get the whole answer."""
    import uvicorn
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()

    async def written() -> AsyncIterator[str]:
        async for chunk in subject.astream():
            if text := subject.text(chunk):
                yield text

    @app.get("/chat")
    async def chat() -> StreamingResponse:
        return StreamingResponse(written(), media_type="text/plain")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", backlog=2048))
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        whole = len("".join(texts("text", case.chunks)))
        clients = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.app", str(port), str(case.at_once), str(whole),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, _ = await asyncio.wait_for(clients.communicate(), case.deadline)
        except TimeoutError:
            clients.kill()
            out = b"0"
        server.should_exit = True
        await serving
    return case.at_once - int(out)


async def _read(port: int, count: int, whole: int) -> int:
    """How many of so many clients got the whole answer."""

    async def one() -> bool:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:  # not listening yet
                await asyncio.sleep(0.01)
        writer.write(b"GET /chat HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        _, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        # chunked: a line with the length, a line with the text
        return len(b"".join(body.split(b"\r\n")[1::2])) == whole

    return sum(await asyncio.gather(*(one() for _ in range(count))))


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    port, count, whole = map(int, sys.argv[1:])
    print(asyncio.run(_read(port, count, whole)))


if __name__ == "__main__":
    main()
