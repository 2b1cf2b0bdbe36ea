"""An answer in several requests, as one for its reader: a stream was cut (`resume`), or too long (`auto_continue`).

The model is shown its own text as the beginning of its next message, and writes on
(https://docs.mistral.ai/capabilities/completion/prefix). Decides on plain values; the client sends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from _oxen_transport.errors import (
    OxenAPIError,
    OxenConnectionError,
    OxenError,
    OxenTimeoutError,
    OxenTruncatedStreamError,
)
from _oxen_transport.families import family
from _oxen_transport.request.build import Request
from _oxen_transport.response.chunks import Collected
from _oxen_transport.retry import RetryPolicy, budget_of
from _oxen_transport.types import Chunk, Completion, Usage

MOST = 8  # continuations after `finish_reason="length"`, at the most
ECHO = 4  # characters: a shorter beginning that comes again may be the model's own repetition
RESTART = 16  # characters: an answer that begins like the first one, and then differs, is a new one

_CUTS = (OxenTruncatedStreamError, OxenConnectionError, OxenTimeoutError, OxenAPIError)


class PrefixStripper:
    """Joins what comes to what there was, without a repeated or a lost word: some servers repeat the beginning first.

    The beginning is sent as it was, white space at its end included: only then is it cut into the same tokens again.
    """

    def __init__(self, text: str) -> None:
        self._echo = text if len(text) >= ECHO else ""
        self._held: str | None = ""

    def feed(self, text: str) -> str:
        """Take what came, give what is new. Raises: OxenTruncatedStreamError, if the answer began anew."""
        if self._held is None:
            return text
        self._held += text
        if len(self._held) < len(self._echo) and self._echo.startswith(self._held):
            return ""
        held, self._held = self._held, None
        if not held.startswith(self._echo) and _common(held, self._echo) >= RESTART:
            raise OxenTruncatedStreamError("the server began the answer anew instead of going on with it")
        return held.removeprefix(self._echo)

    def end(self) -> str:
        """What is still held when the answer is over: a few letters that only looked like an echo."""
        held, self._held = self._held or "", None
        return held if len(held) < ECHO else ""


class Continuation:
    """One answer of one or more requests; `resume` and `auto_continue` in the first one say what may happen.

    `total_timeout` is for all of them together.
    """

    def __init__(self, request: Request) -> None:
        if request.total_timeout is not None:
            request = replace(request, total_end=time.monotonic() + request.total_timeout)
        self._first = request
        self._next: Request | None = request
        self._able = family(request.model).prefix_key is not None
        self._stripper: PrefixStripper | None = None
        self._parts: list[Completion] = []
        self._fresh: list[str] = []  # what the running request has added
        self._resumed = 0
        self._called = False

    def next(self) -> Request | None:
        """The request to send now; None: the answer is whole."""
        running, self._next, self._fresh = self._next, None, []
        return running

    def take(self, chunk: Chunk) -> Iterator[Chunk]:
        """A chunk -> what the reader sees of it: a request's last one only if no further request follows."""
        if chunk.completion is None:
            self._called = self._called or bool(chunk.tool_calls)
            text = self._stripper.feed(chunk.text) if self._stripper else chunk.text
            self._fresh.append(text)
            if text or chunk.tool_calls or chunk.reasoning or chunk.refusal or chunk.logprobs:
                yield replace(chunk, text=text)
            return
        if held := self._stripper.end() if self._stripper else "":
            self._fresh.append(held)
            yield Chunk(held)
        self._add(chunk.completion)
        if self._may_go_on(chunk.completion):
            self._go_on()
        else:
            yield replace(chunk, completion=self._whole())

    def resume(self, failure: OxenError) -> float:
        """A stream was cut: make the next request, give the seconds to wait. Raises: OxenError, with all that came."""
        self._add(failure.details.partial or Completion())
        self._resumed += 1
        wait = RetryPolicy(self._first.max_retries).wait(self._resumed, failure.details.retry_after)
        passing = self._first.resume and isinstance(failure, _CUTS) and failure.is_retryable and failure.details.partial
        if not passing or self._called or wait is None or self._ends_in(wait) or not budget_of(self._first.host).take():
            raise failure.with_details(partial=self._whole())
        if self._text() and not self._able:
            what = f"{failure.message}; resume=True does not help: {self._first.model} cannot go on from a text"
            raise type(failure)(what, failure.details).with_details(partial=self._whole())
        self._go_on()
        return wait

    def _ends_in(self, seconds: float) -> bool:
        end = self._first.total_end
        return end is not None and time.monotonic() + seconds >= end

    def _may_go_on(self, completion: Completion) -> bool:
        lengths = sum(part.finish_reason == "length" for part in self._parts)
        cut = completion.finish_reason == "length" and not completion.tool_calls and not self._called
        return bool(self._first.auto_continue and cut and self._able and lengths <= MOST and "".join(self._fresh))

    def _go_on(self) -> None:
        text = self._text()
        self._stripper = PrefixStripper(text)
        # as long as nothing was shown, the question can simply be asked again
        self._next = self._first.continued(text) if text else self._first

    def _add(self, completion: Completion) -> None:
        self._parts.append(replace(completion, text="".join(self._fresh)))

    def _text(self) -> str:
        return "".join(part.text for part in self._parts)

    def _whole(self) -> Completion:
        """All parts as one answer: joined as a stream's chunks are, the usage summed, the last word on the rest."""
        last = self._parts[-1]
        if len(self._parts) == 1:
            return last
        collected, usage = Collected(), _sum([part.usage for part in self._parts])
        for part in self._parts:
            collected.add(Chunk(part.text, (), part.reasoning, part.refusal or "", part.logprobs))
            collected.add_extras(part.extras)
        whole = collected.completion((), {}, last.model)
        logprobs, raw = whole.logprobs or last.logprobs, dict(last.raw)
        if raw.get("choices"):
            message = {**raw["choices"][0].get("message", {}), "content": whole.text}
            raw["choices"] = [{**raw["choices"][0], "message": message, "logprobs": logprobs}]
        raw["usage"] = usage.raw if usage else raw.get("usage")
        joined = {name: getattr(whole, name) for name in ("text", "reasoning", "refusal", "extras")}
        return replace(last, **joined, logprobs=logprobs, usage=usage, raw=raw, id=self._parts[0].id or last.id)


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _sum(usages: list[Usage | None]) -> Usage | None:
    known = [usage for usage in usages if usage is not None]
    if not known:
        return None
    names = [item.name for item in fields(Usage) if item.name != "raw"]
    total: dict[str, Any] = {}
    for name in names:
        values = [getattr(usage, name) for usage in known if getattr(usage, name) is not None]
        total[name] = sum(values) if values else None
    raw = {**known[-1].raw, **{name: total[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}}
    return Usage(**total, raw=raw)
