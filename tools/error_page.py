"""`docs/errors.md`, generated from the classes: `python -m tools.error_page` writes it, a test compares it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import langchain_oxen
from _oxen_transport import errors
from _oxen_transport.errors import STATUS_ERRORS, Details, OxenError, error_class

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"

HEAD = """# Errors

Every error that this library raises is an `OxenError`; import it from `langchain_oxen` or from `llama_index_oxen`. Its
text states what happened, with which model at which host, after how many attempts and seconds, and what to do next:

```text
HTTP 429: "Too many requests" [open-mixtral-8x22b at hub.oxen.ai, 3 attempts in 2.4 s, request id 7f3a]. Wait, raise max_retries, or slow down with a rate limiter.
```

```python
from langchain_oxen import ChatOxen, OxenError, OxenRateLimitError

try:
    answer = ChatOxen().invoke("Hello")
except OxenRateLimitError as error:
    print("try again in", error.retry_after, "seconds")
except OxenError as error:
    print(error, error.status_code, error.request_id, error.partial_text)
```

Errors are plain data: they survive `pickle` and hold no request, no socket and no secret. The server's message is cut
to a readable length, and your key is removed from it.

**Retryable** is `error.is_retryable`: the same request may succeed later. **Retried automatically** means up to
`max_retries` times, as long as no part of the answer has been returned, and never a request that the server may still
be working on (a read timeout). A stream that breaks is not retried, unless `resume` is set: the part that arrived is in
`error.partial`.

"""  # noqa: E501 - the error's text is one line

FIELDS = {
    "status_code": "HTTP status; None for a 200, or if there was no answer",
    "type": "the server's `error.type`",
    "code": "the server's `error.code`",
    "param": "the field of the request that the server rejects",
    "request_id": "the server's id of the request, for its support",
    "retry_after": "seconds the server asks to wait",
    "body": "the server's error message",
    "response": "the HTTP response: `status_code`, some `headers`, the beginning of its `text`, `json()`",
    "model": "id of the requested model",
    "host": "host of `base_url`",
    "attempts": "how many requests were sent",
    "elapsed": "seconds from the call to the error",
    "request": "the request that failed: `to_curl()`, `to_python()`, without secrets",
    "partial": "the part of the answer that had arrived; its text is `partial_text`",
    "prompt_tokens": "tokens of a prompt that does not fit, if the server reports them",
    "context_window": "size of the context window in tokens, if the server reports it",
    "unknown_model": "whether the server reports that the model does not exist",
}

RETRIED = {"OxenConnectionError", "OxenRateLimitError", "OxenServerError"}


def tree(kind: type[OxenError] = OxenError, depth: int = 0) -> Iterator[tuple[type[OxenError], int]]:
    """The classes from the root down, in the order in which they are defined."""
    yield kind, depth
    for below in kind.__subclasses__():
        if below in vars(errors).values() and below.__mro__[1] is kind:
            yield from tree(below, depth + 1)


def page() -> str:
    """The whole page."""
    lines = [HEAD, "## Attributes\n\n", "| attribute | meaning |\n|---|---|\n"]
    lines += [f"| `{name}` | {FIELDS[name]} |\n" for name in (field.name for field in dataclasses.fields(Details))]
    lines.append("\n## The errors\n")
    for kind, depth in tree():
        lines.append(_entry(kind, depth))
    return "".join(lines)


def _entry(kind: type[OxenError], depth: int) -> str:
    statuses = [str(status) for status, found in sorted(STATUS_ERRORS.items()) if found is kind]
    statuses += [
        name for name, one in {"3xx": 399, "any other 4xx": 499, "5xx": 599}.items() if error_class(one) is kind
    ]
    above = [base.__name__ for base in kind.__mro__[1:] if base.__name__.startswith("Oxen")]
    own = langchain_oxen.__dict__[kind.__name__]
    beside = [base.__name__ for base in kind.__mro__ if base in (ValueError, ImportError, TimeoutError)]
    theirs = [base.__name__ for base in own.__mro__ if base.__module__ == "langchain_core.exceptions"]
    facts = [
        f"* Cause: {_first_paragraph(kind)}",
        f"* What to do: {kind.advice}" if kind.advice else "",
        f"* Status: {', '.join(statuses)}" if statuses else "",
        f"* Retryable: {'yes' if kind.is_retryable else 'no'}; retried automatically: {_retried(kind)}",
        f"* Also: {', '.join(f'`{name}`' for name in [*above[:1], *beside])}" if above[:1] or beside else "",
        f"* In LangChain also: {', '.join(f'`{name}`' for name in theirs[:1])}" if theirs else "",
    ]
    return f"\n{'#' * min(3 + depth, 5)} {kind.__name__}\n\n" + "".join(f"{fact}\n" for fact in facts if fact)


def _retried(kind: type[OxenError]) -> str:
    if kind is errors.OxenTimeoutError:
        return "only while connecting"
    return "yes" if kind.__name__ in RETRIED else "no"


def _first_paragraph(kind: type[OxenError]) -> str:
    return " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())


if __name__ == "__main__":
    PAGE.write_text(page())
