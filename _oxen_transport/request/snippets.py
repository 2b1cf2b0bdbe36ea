"""One request as text that can be run, and sends an equal body: cURL, or Python with any of four libraries.

The key and further headers are never in the text; where it runs, they are read from the environment.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any, get_args

from _oxen_transport import capabilities
from _oxen_transport.catalogue import known
from _oxen_transport.errors import OxenConfigError
from _oxen_transport.request import python_code
from _oxen_transport.request.build import Request
from _oxen_transport.request.parameters import parameters
from _oxen_transport.request.python_code import environment_names, json_text
from _oxen_transport.types import Show, Style

LONGEST_ARGUMENT = 100_000
"""Bytes: Linux takes at most 128 KiB as one argument of a command; longer data comes by standard input."""
_PLAIN_HEADER = re.compile(r"[A-Za-z0-9-]+")
_STYLES = {
    "requests": python_code.with_requests,
    "openai": python_code.with_openai,
    "langchain": python_code.with_langchain,
    "llama_index": python_code.with_llama_index,
}


@dataclass(frozen=True)
class SentRequest:
    """A request as plain data without secrets: an error keeps one, so that it can be shown and sent again."""

    url: str
    content: bytes = field(repr=False)
    header_names: tuple[str, ...] = ()
    with_key: bool = True

    @classmethod
    def of(cls, request: Request) -> SentRequest:
        """What can be shown of a request."""
        return cls(request.url, request.content, tuple(request.extra_headers), request.key is not None)

    def to_curl(self) -> str:
        """This request as a cURL command, with `$OXEN_API_KEY` in place of the key."""
        body = self._body()
        if body is None:
            lines = [f"curl {shlex.quote(self.url)}"]
        else:
            lines = [f"curl{' -N' if body.get('stream') is True else ''} -X POST {shlex.quote(self.url)}"]
            if "content-type" not in {name.lower() for name in self.header_names}:
                lines.append('-H "Content-Type: application/json"')
        if self.with_key:
            lines.append('-H "Authorization: Bearer $OXEN_API_KEY"')
        lines += [_header(name, variable) for name, variable in environment_names(self.header_names).items()]
        if body is not None:
            data = json_text(body, indent=2)
            too_long = len(data.encode()) > LONGEST_ARGUMENT
            lines.append(f"--data-binary @- <<'JSON'\n{data}\nJSON" if too_long else f"-d {shlex.quote(data)}")
        return " \\\n  ".join(lines)

    def to_python(self, style: Style = "requests") -> str:
        """This request as Python code for the library that `style` names. Raises: OxenConfigError, if there is none."""
        if style not in _STYLES:
            raise OxenConfigError(f"style must be one of {', '.join(map(repr, _STYLES))} (got {style!r})")
        body = self._body()
        if body is None and style != "requests":
            raise OxenConfigError(f"{self.url} is not a chat request; to_python(style='requests') shows it")
        return _STYLES[style](self.url, body, self.header_names, with_key=self.with_key)  # type: ignore[arg-type]

    def _body(self) -> dict[str, Any] | None:
        body: dict[str, Any] | None = json.loads(self.content) if self.content else None
        return body


def snippet(request: Request, show: Show = "sent") -> SentRequest:
    """What can be shown of a request ("sent", "minimal", "basic" or "all"), see `to_curl`. Raises: OxenConfigError."""
    if (request.url, request.model) in capabilities.without_stream_options:
        request = request.without("stream_options")
    sent = SentRequest.of(request)
    if show not in get_args(Show):
        raise OxenConfigError(f"show must be one of {', '.join(map(repr, get_args(Show)))} (got {show!r})")
    if show == "sent":
        return sent
    given = json.loads(sent.content)
    body = {name: given[name] for name in ("model", "messages")}
    if show == "minimal":
        body |= {"stream": True} if request.stream else {}
    else:
        listed = known.get(request, request.model)
        offered = parameters(request.model, listed.request_schema if listed else None)
        shown = [each for each in offered if each.basic or show == "all"]
        body |= {each.name: each.example for each in shown if each.example is not None}
        body |= {each.name: given[each.name] for each in shown if each.name in given}
        body["stream"] = bool(request.stream)
        body |= given if show == "all" else {}
    return SentRequest(sent.url, json.dumps(body).encode(), sent.header_names, sent.with_key)


def _header(name: str, variable: str) -> str:
    """A header whose value is read where the command runs; a name may hold what a shell would read."""
    if _PLAIN_HEADER.fullmatch(name):
        return f'-H "{name}: ${variable}"'
    return f'-H {shlex.quote(name + ": ")}"${variable}"'
