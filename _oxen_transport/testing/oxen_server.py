"""The API of Oxen on this machine, with a script: the fixture `oxen_server` of users' tests.

https://docs.oxen.ai/inference-api/reference/chat_completions
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from _oxen_transport.testing import mistral, replies
from _oxen_transport.testing.answers import error_body, whole
from _oxen_transport.testing.catalogue import MIXTRAL, catalogue_reply
from _oxen_transport.testing.steps import HANG, Attempt, Step

if TYPE_CHECKING:
    from _oxen_transport.testing.connection import Received
    from _oxen_transport.testing.server import Server

TEST_KEY = "sk-test-oxen-server"  # the key that the fixture sets as OXEN_API_KEY


class OxenServer:
    """Answers chat completions by a script, one line for each request, and keeps what it was asked.

    Every method that adds a line returns the server, so that lines can be chained:

        oxen_server.fails(429, retry_after=0).says("Paris")

    A request that comes when the script is used up is answered with 400 and says so. The server speaks
    OpenAI's API, so any class that can be pointed at a base URL can be tested with it.

    Attributes:
        url: The base URL, for `base_url`, `api_base` or OXEN_BASE_URL.
        requests: The chat completions that were asked for: `.json`, `.messages`, `.headers`, `.wants_stream`.
        catalogue_requests: All other requests.
        models: What `/models` lists, as the API's own objects.
        key: If set, any other key is answered with 401.
        strict: Whether to refuse what Mistral's own API refuses: unknown fields, and an order of messages or
            ids of tool calls that it does not take. A refused request uses up no line of the script.
        repeat_last: Whether the last line answers all further requests, too.
    """

    def __init__(self, server: Server) -> None:
        self.url = server.stage(self._reply).url
        self.requests: list[Received] = []
        self.catalogue_requests: list[Received] = []
        self.models: list[dict[str, Any]] = [MIXTRAL]
        self.key: str | None = None
        self.strict = False
        self.repeat_last = False
        self._script: list[Attempt] = []
        self._used = 0
        self._lock = threading.Lock()

    # -- the script --------------------------------------------------------------------------

    def says(
        self, text: str, *, reasoning: str = "", finish_reason: str = "stop", usage: dict[str, Any] | None = None
    ) -> OxenServer:
        """A text; streamed word by word, if the request asks for a stream.

        Args:
            text: The answer.
            reasoning: What the model thought before, sent as `reasoning_content`.
            finish_reason: "stop", or "length" for an answer that `max_tokens` ended.
            usage: The counts of tokens. Default: words are counted.
        """
        return self.plays(replies.text(text, reasoning=reasoning, finish_reason=finish_reason, usage=usage))

    def calls(self, *calls: replies.ToolCall, usage: dict[str, Any] | None = None) -> OxenServer:
        """One answer with tool calls, each a name and its arguments: `calls(("weather", {"city": "Paris"}))`."""
        return self.plays(replies.tool_calls(calls, usage=usage))

    def answers(self, value: Any, *, usage: dict[str, Any] | None = None) -> OxenServer:
        """An object, in the way in which the request asks for one: a call of the forced tool, else JSON text.

        Args:
            value: A pydantic object, or anything that JSON can express.
            usage: The counts of tokens. Default: words are counted.
        """
        return self.plays(replies.an_object(value, usage=usage))

    def fails(
        self, status: int, message: str = "scripted failure", *, retry_after: float | None = 0, **headers: str
    ) -> OxenServer:
        """An error.

        Args:
            status: The HTTP status.
            message: The error's text, in Oxen's form.
            retry_after: Seconds, sent as `Retry-After`; 0 keeps tests of retries fast. None: not sent.
            headers: Further headers; `x_request_id=` becomes `x-request-id`.
        """
        return self.plays(replies.failure(status, message, retry_after, headers))

    def cuts(self, text: str, *, after: int = 2) -> OxenServer:
        """The connection ends after so many chunks of the text; without a stream, in the middle of the body."""
        return self.plays(replies.cut(text, after))

    def drips(self, text: str, *, every: float) -> OxenServer:
        """The text, a chunk every so many seconds; without a stream, the body byte by byte."""
        return self.plays(replies.dripping(text, every))

    def hangs(self) -> OxenServer:
        """No answer at all, until the client goes away."""
        return self.plays([HANG])

    def plays(self, attempt: Attempt) -> OxenServer:
        """Anything else: the steps of a script, or a function from the request to them; see `testing.steps`."""
        self._script.append(attempt)
        return self

    # -- answering ---------------------------------------------------------------------------

    def _reply(self, request: Received) -> Iterable[Step]:
        is_chat = request.path.endswith("/chat/completions")
        (self.requests if is_chat else self.catalogue_requests).append(request)
        sent = request.headers.get("authorization")
        if self.key is not None and sent != f"Bearer {self.key}" and (is_chat or sent):  # the catalogue is public
            title = "You must be authenticated to perform this action."
            return [whole({"error": {"title": title, "type": "unauthenticated"}, "status": "error"}, 401)]
        return self._chat_reply(request) if is_chat else [catalogue_reply(request, self.models)]

    def _chat_reply(self, request: Received) -> Iterable[Step]:
        if self.strict and (refused := mistral.refusal(request.json)) is not None:
            status, body = refused
            return [whole(body, status)]
        attempt = self._next()
        if attempt is None:
            text = f"oxen_server has no answer for request {len(self.requests)}: {len(self._script)} were scripted"
            return [whole(error_body(text), 400)]
        try:
            return attempt(request) if callable(attempt) else attempt
        except Exception as error:  # noqa: BLE001 - a test's own function; without an answer its client would wait
            return [whole(error_body(f"the script of oxen_server failed: {type(error).__name__}: {error}"), 400)]

    def _next(self) -> Attempt | None:
        with self._lock:
            at = self._used
            if at >= len(self._script):
                return self._script[-1] if self.repeat_last and self._script else None
            self._used += 1
            return self._script[at]
