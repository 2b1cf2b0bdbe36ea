"""A model's request as text that can be run, also with bound arguments.

Core's `RunnableBinding` hands an unknown method on to what it binds, but not the arguments that are bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig
from pydantic import ConfigDict

from _oxen_transport.types import Show, Snippets, Style
from langchain_oxen.errors import LangChainErrors
from langchain_oxen.tools import ToolLike

if TYPE_CHECKING:  # what core's own `bind` returns: a `RunnableBinding` that type checkers know better
    from langchain_core.language_models import BaseChatModel as _Base
    from langchain_core.language_models.chat_models import _ChatModelBinding as _Binding
else:
    _Base, _Binding = object, RunnableBinding[LanguageModelInput, AIMessage]

_TRACING_ONLY = frozenset({"ls_structured_output_format", "structured_output_format"})
"""Arguments that `with_structured_output` binds for tracers; core takes them out of a call."""


class OxenBinding(_Binding):
    """What `bind`, `bind_tools`, `with_config` and the like give."""

    model_config = ConfigDict(defer_build=True)  # made with the first binding, not with the import

    @classmethod
    def of(cls, binding: Any) -> OxenBinding:
        """Core's binding as ours."""
        return cls(**{name: getattr(binding, name) for name in RunnableBinding.model_fields})

    @classmethod
    def lc_id(cls) -> list[str]:
        """Serialize as the `RunnableBinding` it is."""
        return RunnableBinding.lc_id()

    def to_curl(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        """Show the request that this binding would send, as cURL; arguments as in `ChatOxen.to_curl`."""
        return self._shown("to_curl", input, kwargs)

    def to_python(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        """Show the request that this binding would send, as Python; arguments as in `ChatOxen.to_python`."""
        return self._shown("to_python", input, kwargs)

    def with_structured_output(self, schema: Any = None, **kwargs: Any) -> Runnable[LanguageModelInput, Any]:
        """As `ChatOxen.with_structured_output`, with the bound arguments. Raises: OxenConfigError."""
        asked = self.bound.with_structured_output(schema, **{**self.kwargs, **kwargs})  # type: ignore[attr-defined]
        return asked.with_config(self.config) if self.config else asked  # type: ignore[no-any-return]

    def bind_tools(self, tools: Sequence[ToolLike], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """As `ChatOxen.bind_tools`, with the bound arguments; tools that were bound before are replaced."""
        kept = {name: value for name, value in self.kwargs.items() if name not in ("tools", "tool_choice")}
        bound = self.bound.bind_tools(tools, **{**kept, **kwargs})  # type: ignore[attr-defined]
        return bound.with_config(self.config) if self.config else bound  # type: ignore[no-any-return]

    def _shown(self, method: str, asked: LanguageModelInput, kwargs: dict[str, Any]) -> str:
        target: Any = self.bound
        bound = {**self.kwargs, **kwargs}
        while not hasattr(target, method):  # `with_retry` puts a binding of core's own between
            target, bound = target.bound, {**target.kwargs, **bound}
        return str(getattr(target, method)(asked, **bound))


class SnippetsMixin(_Base):
    """`to_curl` and `to_python`, also of what is bound."""

    def to_curl(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        stream: bool = False,
        show: Show = "sent",
        **kwargs: Any,
    ) -> str:
        """Show the request that `invoke` (or `stream`) would send, as cURL; the key is `$OXEN_API_KEY`.

        Args:
            input: The prompt, as for `invoke`.
            config: Not used; bound models pass it on.
            stream: Show what `stream` sends.
            show: "sent": exactly this request; "minimal": its model and messages alone; "basic": these and the
                documentation's basic parameters; "all": with everything the model takes.
            kwargs: Parameters of the call.

        Raises:
            OxenConfigError: The request could not be sent.
        """
        with LangChainErrors():
            return self._snippet(input, kwargs, stream=stream, show=show).to_curl()

    def to_python(
        self,
        input: LanguageModelInput,
        config: RunnableConfig | None = None,
        *,
        style: Style = "requests",
        stream: bool = False,
        show: Show = "sent",
        **kwargs: Any,
    ) -> str:
        """Show the same request as Python code; the key is read from the environment's OXEN_API_KEY.

        `style` is the library that the code uses: "requests", "openai", "langchain" (this class) or "llama_index". The
        other arguments, and the errors, are those of `to_curl`.
        """
        with LangChainErrors():
            return self._snippet(input, kwargs, stream=stream, show=show).to_python(style)

    def _snippet(self, asked: LanguageModelInput, kwargs: dict[str, Any], *, stream: bool, show: Show) -> Snippets:
        from _oxen_transport.request.snippets import snippet  # noqa: PLC0415 - imported by those who use it

        call = {name: value for name, value in kwargs.items() if name not in _TRACING_ONLY}
        messages = self._convert_input(asked).to_messages()
        return snippet(self._request(messages, None, call, stream=stream or bool(self.streaming)), show)  # type: ignore[attr-defined]

    def bind(self, **kwargs: Any) -> OxenBinding:
        """Fix arguments of the call. Returns: a runnable that adds them to every call."""
        return OxenBinding(bound=self, kwargs=kwargs, config={})

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> OxenBinding:
        """Fix a configuration, such as tags and callbacks."""
        return OxenBinding.of(super().with_config(config, **kwargs))

    def with_listeners(self, **kwargs: Any) -> OxenBinding:
        """Call `on_start`, `on_end` and `on_error` with each run."""
        return OxenBinding.of(super().with_listeners(**kwargs))

    def with_alisteners(self, **kwargs: Any) -> OxenBinding:
        """Async version of `with_listeners`."""
        return OxenBinding.of(super().with_alisteners(**kwargs))

    def with_types(self, **kwargs: Any) -> OxenBinding:
        """Fix the types of input and output."""
        return OxenBinding.of(super().with_types(**kwargs))
