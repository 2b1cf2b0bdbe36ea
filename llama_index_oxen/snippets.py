"""A model's request as text that can be run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage

from _oxen_transport.types import Show, Snippets, Style

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM as _Base
else:
    _Base = object


class SnippetsMixin(_Base):
    """`to_curl` and `to_python`."""

    def to_curl(
        self, messages: Sequence[ChatMessage] | str, *, stream: bool = False, show: Show = "sent", **kwargs: Any
    ) -> str:
        """Show the request that `chat` (or `stream_chat`) would send, as cURL; the key is `$OXEN_API_KEY`.

        Args:
            messages: The conversation as for `chat`, or a prompt as for `complete`.
            stream: Show what `stream_chat` sends.
            show: "sent": exactly this request; "minimal": its model and messages alone; "basic": these and the
                documentation's basic parameters; "all": with everything the model takes.
            kwargs: Parameters of the call.

        Raises:
            OxenConfigError: The request could not be sent.
        """
        return self._snippet(messages, kwargs, stream=stream, show=show).to_curl()

    def to_python(
        self,
        messages: Sequence[ChatMessage] | str,
        *,
        style: Style = "requests",
        stream: bool = False,
        show: Show = "sent",
        **kwargs: Any,
    ) -> str:
        """Show the same request as Python code; the key is read from the environment's OXEN_API_KEY.

        `style` is the library that the code uses: "requests", "openai", "langchain" or "llama_index" (this class). The
        other arguments, and the errors, are those of `to_curl`.
        """
        return self._snippet(messages, kwargs, stream=stream, show=show).to_python(style)

    def _snippet(
        self, asked: Sequence[ChatMessage] | str, kwargs: dict[str, Any], *, stream: bool, show: Show
    ) -> Snippets:
        from _oxen_transport.request.snippets import snippet  # noqa: PLC0415 - imported by those who use it

        model: Any = self
        messages = model._prompt(asked, False) if isinstance(asked, str) else asked
        return snippet(model._request(messages, kwargs, stream=stream or bool(model.streaming)), show)
