"""Four canaries, every surface: the key, a header's value, a header's value per call, the proxy's password.

All surfaces are open at once while calls succeed, fail, are cut and time out, and nothing that can be read
anywhere may hold a canary.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import inspect
import io
import logging
import pickle
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from _oxen_transport.errors import OxenConfigError, OxenError
from _oxen_transport.testing import (
    ANSWER,
    FIN,
    HANG,
    RST,
    Attempt,
    Gate,
    Received,
    Server,
    Step,
    chunks,
    error_body,
    event,
    good,
    head,
    open_stream,
    reply,
    sse,
    whole,
)
from tests.entry_points import QUESTION, EntryPoint, LangChain, LlamaIndex, Transport, each, each_scenario, entry_points
from tests.integration.faults.secrets_and_resources import OURS, watched
from tests.tables import each_row

KEY, HEADER, CALL, PROXY = "sk-canary-7f3a9c21e5b8", "canary-header-41d7", "canary-per-call-93be", "canary-proxy-55aa"
CANARIES = (KEY, HEADER, CALL, PROXY)


def shown(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return [canary for canary in CANARIES if canary.encode() in data]


def echoing(status: int) -> Attempt:
    """A server that sends back everything it got."""

    def attempt(request: Received) -> Iterable[Step]:
        got = request.raw.decode("latin-1").replace("\r\n", " | ")
        return [whole(error_body(f"you sent: {got}"), status, x_request_id="r-1")]

    return attempt


def echoing_in_the_stream(request: Received) -> Iterable[Step]:
    got = error_body(f"key {request.headers['authorization']}, {request.headers['x-call']}")
    begun = sse(chunks()[:3], done=False)
    return open_stream(begun, event(got)) if request.wants_stream else [whole(got)]


SCRIPTS: dict[str, list[Attempt]] = {
    "good": [good],
    "after a retry": [reply(error_body("busy"), 503), good],
    "the server echoes it, 401": [echoing(401)],
    "the server echoes it, 500": [echoing(500)],
    "the server echoes it with 200": [echoing_in_the_stream],
    "reset": [[RST]],
    "silence": [[HANG]],
    "cut": [open_stream(sse(chunks()[:4], done=False), RST)],
    "redirect": [[head(307, location="http://127.0.0.2/elsewhere", content_length=0)]],
    "no JSON": [reply(b"<html>" + KEY.encode(), 200, "text/html")],
}


class Surfaces:
    """Everything that can be read while a call is made."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.logged: list[str] = []
        self._out = io.StringIO()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Listen: logs at DEBUG, warnings, output, LlamaIndex's events and spans."""
        from llama_index.core.instrumentation import get_dispatcher
        from llama_index.core.instrumentation.event_handlers import BaseEventHandler
        from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler

        seen, logged = self.seen, self.logged

        class Listener(BaseEventHandler):
            @classmethod
            def class_name(cls) -> str:
                return "Listener"

            def handle(self, event: Any, **_: Any) -> None:
                seen.append(f"{event!r} {event.model_dump()!r}")

        class Log(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                seen.append(f"{record.getMessage()} {record.__dict__!r}")
                if record.levelno > logging.DEBUG:
                    logged.append(record.getMessage())

        root, log, spans = get_dispatcher(), Log(), SimpleSpanHandler()
        logger = logging.getLogger()
        level = logger.level
        root.add_event_handler(Listener())
        root.add_span_handler(spans)
        logger.addHandler(log)
        logger.setLevel(logging.DEBUG)
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                with contextlib.redirect_stdout(self._out), contextlib.redirect_stderr(self._out):
                    yield
        finally:
            logger.removeHandler(log)
            logger.setLevel(level)
            root.event_handlers.pop()
            root.span_handlers.pop()
        self.seen += [self._out.getvalue(), repr([str(warning.message) for warning in warned])]
        self.seen += [repr(spans.completed_spans), repr(spans.dropped_spans)]

    def tracer(self) -> Any:
        """What LangChain shows to callbacks, and a tracer's whole run with its inputs and extras."""
        from langchain_core.tracers.base import BaseTracer

        seen = self.seen

        class Tracer(BaseTracer):
            def _persist_run(self, run: Any) -> None:
                seen.append(repr(run.dict() if hasattr(run, "dict") else run))
                seen.append(repr(vars(run)))

        return Tracer()

    def add_error(self, error: BaseException) -> None:
        """Text, repr, attributes, the chain with all local variables, the pickle."""
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        for frame in trace.stack:
            if not frame.filename.startswith(OURS):  # those of tests hold what they look for
                self.seen.append(f"{frame.filename}: {frame.name}: {frame.locals}")
        self.seen += ["".join(trace.format_exception_only()), str(error), repr(error), repr(vars(error))]
        self.seen.append(repr(error.args))
        self.seen.append(pickle.dumps(error).decode("latin-1"))
        while error.__cause__ or error.__context__:
            error = error.__cause__ or error.__context__  # type: ignore[assignment]
            self.seen.append(repr(error) + repr(error.__dict__))


def make(api: EntryPoint, url: str, **options: Any) -> Any:
    return api.make(url, api_key=KEY, extra_headers={"X-Tenant": HEADER}, max_retries=1, **options)


@pytest.mark.usefixtures("fast_retries")
@each_scenario("name", SCRIPTS)
def test_no_surface_shows_a_canary(name: str, api: EntryPoint, server: Server) -> None:
    stage, surfaces = server.stage(*SCRIPTS[name]), Surfaces()
    call: dict[str, Any] = {"extra_headers": {"X-Call": SecretStr(CALL)}}
    if isinstance(api, LangChain):
        call["config"] = {"callbacks": [surfaces.tracer()]}
    with surfaces.open():
        model = make(api, stage.url, timeout=0.5 if name == "silence" else 20)
        try:
            answer = watched(lambda: api.ask(model, **call))
        except OxenError as error:
            surfaces.add_error(error)
        else:
            surfaces.seen += [repr(answer), repr(answer.raw)]
            assert answer.text == ANSWER
        surfaces.seen += [repr(model), str(model), repr(vars(model)), repr(model.model_dump()), model.model_dump_json()]
    sent = stage.requests[0]
    assert (sent.headers["x-tenant"], sent.headers["x-call"]) == (HEADER, CALL), "the canaries did travel"
    found = [f"{shown(text)} in {text[:300]}" for text in surfaces.seen if shown(text)]
    assert not found, found
    assert "What does the ox do?" not in "".join(surfaces.logged), "a prompt is logged for debugging only"
    if isinstance(api, (LangChain, LlamaIndex)):
        assert len("".join(surfaces.seen)) > 2000, "the surfaces were not open"


@each(*entry_points(LangChain, LlamaIndex, is_async=False, streams=False))
def test_no_store_holds_a_canary(api: EntryPoint) -> None:
    """Serialised in every way there is, with the proxy's password as the fourth canary."""
    model = make(api, "http://127.0.0.1:9/api/ai", proxy=f"http://me:{PROXY}@127.0.0.1:1")
    stored: list[Any] = [pickle.dumps(model), pickle.dumps(copy.deepcopy(model)), model.model_dump_json(), repr(model)]
    stored += [repr(model.model_copy()), f"{model:}", repr(model.model_dump(mode="json")), repr(model.__getstate__())]
    if isinstance(api, LangChain):
        from langchain_core.load import dumpd, dumps

        bound = model.bind(extra_headers={"X-Call": SecretStr(CALL)})
        chains = (model, model.with_retry(), model.with_fallbacks([model]), bound, model | str)
        stored += [text for chain in chains for text in (dumps(chain), repr(dumpd(chain)), repr(chain))]
        stored += [model._get_llm_string(extra_headers={"X-Call": SecretStr(CALL)}), repr(model.lc_attributes)]
        stored += [repr(model._get_invocation_params(extra_headers={"X-Call": SecretStr(CALL)}))]
        stored += [repr(model.asdict()), repr(model._identifying_params), repr(model._get_ls_params())]
    else:
        stored += [model.to_json(), repr(model.to_dict()), repr(model.metadata)]
    for text in stored:
        assert not shown(text), (shown(text), text[:300])


@each(*entry_points(LangChain, LlamaIndex, is_async=False, streams=False))
def test_the_catalogue_keeps_secrets_too(api: EntryPoint, server: Server) -> None:
    stage, surfaces = server.stage(echoing(401)), Surfaces()
    with surfaces.open():
        model = make(api, stage.url)
        for ask in (model.list_models, model.get_model, lambda: asyncio.run(model.alist_models())):
            with pytest.raises(OxenError) as caught:
                ask()
            surfaces.add_error(caught.value)
    assert stage.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert not [shown(text) for text in surfaces.seen if shown(text)]


@each_scenario(
    "options",
    [
        *({"api_key": KEY + end} for end in ("\n x", "\r\nX-Injected: 1", " more", "ключ", "\x00", "\x7f", "\u200b")),
        {"extra_headers": {"X-Call": CALL + "\r\nHost: evil"}},
        {"extra_headers": {"Authorization": KEY}},
        {"extra_headers": {"X Y": CALL}},
        {"extra_headers": {"X": [CALL]}},
        {"base_url": f"https://me:{PROXY}@example.org/api"},
        {"base_url": f"https://example.org/api?key={KEY}"},
        {"proxy": f"http://me:{PROXY}@127.0.0.1:1 \x00"},
        {"temperature": KEY, "max_tokens": "x"},
    ],
    is_async=False,
    streams=False,
)
def test_a_refused_setting_is_not_quoted(options: dict[str, Any], api: EntryPoint) -> None:
    surfaces = Surfaces()
    given = {"base_url": "http://127.0.0.1:9", **options}
    with pytest.raises(OxenConfigError) as caught:
        api.make(given.pop("base_url"), **given)
    surfaces.add_error(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    allowed = (KEY,) if "temperature" in options else ()  # a value of a field that is no secret may be named
    assert not [found for text in surfaces.seen for found in shown(text) if found not in allowed]


@each_row("around", ["{}\n", "{}\r\n", " {} ", "\t{}"])
def test_a_key_from_a_file(around: str, api: EntryPoint, server: Server) -> None:
    stage = server.stage(good)
    assert api.ask(api.make(stage.url, api_key=around.format(KEY))).text == ANSWER
    assert stage.requests[0].headers["authorization"] == f"Bearer {KEY}"


# -- frames: what a debugger or a crash reporter sees while a call is under way ----------------


def frames_of(thread: threading.Thread | None) -> list[Any]:
    """The frames of our packages: of a thread, or of all coroutines."""
    if thread is None:
        frames = [at.cr_frame for at in gc.get_objects() if inspect.iscoroutine(at) and at.cr_frame]
    else:
        innermost = sys._current_frames().get(thread.ident or 0)
        frames = [frame for frame, _ in traceback.walk_stack(innermost)] if innermost else []
    return [frame for frame in frames if "oxen" in frame.f_code.co_filename]


async def shown_in_frames(until: str, thread: threading.Thread | None = None) -> list[str]:
    """The canaries in all frames, once a function of this name is among them, and a moment later."""
    async with asyncio.timeout(30):
        while until not in {frame.f_code.co_name for frame in frames_of(thread)}:  # noqa: ASYNC110 - it is a thread's
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    return [found for frame in frames_of(thread) for found in shown(f"{frame.f_code.co_name}: {frame.f_locals!r}")]


def asking(api: EntryPoint, model: Any, messages: Any, **call: Any) -> threading.Thread:
    """A thread in which a call is under way; it may fail."""

    def ask() -> None:
        with contextlib.suppress(OxenError):
            api.ask(model, messages, **call)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


@each(*entry_points(Transport))
def test_a_frame_that_waits_for_a_server_to_read_shows_nothing(api: EntryPoint) -> None:
    """A prompt too long for the buffers is written for as long as nobody reads it."""
    prompt = [{"role": "user", "content": "ox " * 4_000_000}]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        model = make(api, url, timeout=60, history="off")

        async def ask_async() -> list[str]:
            task = asyncio.create_task(api.ask_async(model, prompt))
            found = await shown_in_frames("open_async")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return found

        if api.is_async:
            assert asyncio.run(ask_async()) == []
            return
        thread = asking(api, model, prompt)
        assert asyncio.run(shown_in_frames("open_sync", thread)) == []
    thread.join(60)  # the server is gone, so the call ends


@each(*entry_points(is_async=False))
def test_a_frame_in_the_middle_of_a_call_shows_nothing(api: EntryPoint, server: Server) -> None:
    gate = Gate()
    model = make(api, server.stage([gate, FIN]).url, timeout=60)
    thread = asking(api, model, QUESTION, extra_headers={"X-Call": SecretStr(CALL)})
    assert gate.reached.wait(10)
    assert asyncio.run(shown_in_frames("open_sync", thread)) == []
    gate.open()
    thread.join(60)
