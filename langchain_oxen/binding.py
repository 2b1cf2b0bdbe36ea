"""What is bound to a model: tools, schemas, retries, fallbacks, alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import Runnable

from langchain_oxen.snippets import SnippetsMixin
from langchain_oxen.tool_binding import ToolsMixin

if TYPE_CHECKING:
    from langchain_oxen.wrappers import OxenAlternatives, OxenConfigurable, OxenFallbacks, OxenRetry
else:  # hints are read at run time; the classes are imported by those who use them
    OxenAlternatives = OxenConfigurable = OxenFallbacks = OxenRetry = Runnable


class BindingMixin(SnippetsMixin, ToolsMixin):
    """What can be bound to a model, and wrappers that keep it."""

    def with_retry(self, **kwargs: Any) -> OxenRetry:
        """Call again after an exception; arguments as in LangChain's `Runnable.with_retry`."""
        from langchain_oxen.wrappers import OxenRetry  # noqa: PLC0415

        return OxenRetry.of(super().with_retry(**kwargs))

    def with_fallbacks(self, fallbacks: Sequence[Runnable[LanguageModelInput, Any]], **kwargs: Any) -> OxenFallbacks:
        """Ask other models after an exception; arguments as in LangChain's `Runnable.with_fallbacks`."""
        from langchain_oxen.wrappers import OxenFallbacks  # noqa: PLC0415

        return OxenFallbacks.of(super().with_fallbacks(fallbacks, **kwargs))

    def configurable_fields(self, **kwargs: Any) -> OxenConfigurable:
        """Let a call's config set parameters; arguments as in LangChain's `configurable_fields`."""
        from langchain_oxen.wrappers import OxenConfigurable  # noqa: PLC0415

        return OxenConfigurable.of(super().configurable_fields(**kwargs))

    def configurable_alternatives(self, which: Any, **kwargs: Any) -> OxenAlternatives:
        """Let a call's config choose the model; arguments as in LangChain's `configurable_alternatives`."""
        from langchain_oxen.wrappers import OxenAlternatives  # noqa: PLC0415

        return OxenAlternatives.of(super().configurable_alternatives(which, **kwargs))
