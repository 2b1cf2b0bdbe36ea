"""LangChain's wrappers around a model, with the methods of the model, which core's own lose in part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableSerializable, RunnableWithFallbacks
from langchain_core.runnables.configurable import RunnableConfigurableAlternatives, RunnableConfigurableFields
from langchain_core.runnables.retry import RunnableRetry
from pydantic import ConfigDict

from langchain_oxen.snippets import OxenBinding
from langchain_oxen.tool_binding import ToolsMixin

if TYPE_CHECKING:
    _Base = RunnableSerializable[LanguageModelInput, AIMessage]
    _Fields = RunnableConfigurableFields[LanguageModelInput, AIMessage]
    _Alternatives = RunnableConfigurableAlternatives[LanguageModelInput, AIMessage]
else:  # with types in brackets, pydantic would check that the model is a `RunnableSerializable` with these very types
    _Base, _Fields, _Alternatives = object, RunnableConfigurableFields, RunnableConfigurableAlternatives


class _Wrapper(_Base):
    """One of core's wrappers, made from core's own instance, and loaded from a dump as core's."""

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def of(cls, made: Any) -> Self:
        return cls(**{name: getattr(made, name) for name in type(made).model_fields})

    @classmethod
    def lc_id(cls) -> list[str]:
        core = next(base for base in cls.__mro__ if base.__module__.startswith("langchain_core.runnables"))
        return [*cls.get_lc_namespace(), core.__name__.partition("[")[0]]

    def bind(self, **kwargs: Any) -> OxenBinding:
        return OxenBinding(bound=self, kwargs=kwargs, config={})


class OxenRetry(_Wrapper, ToolsMixin, RunnableRetry[LanguageModelInput, AIMessage]):
    """`ChatOxen(...).with_retry()`."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return getattr(self.bound, name)


class OxenConfigurable(_Wrapper, ToolsMixin, _Fields):
    """`ChatOxen(...).configurable_fields(...)`."""


class OxenFallbacks(_Wrapper, RunnableWithFallbacks[LanguageModelInput, AIMessage]):
    """`ChatOxen(...).with_fallbacks([...])`: core binds tools and schemas to each of the models."""


class OxenAlternatives(_Wrapper, _Alternatives):
    """`ChatOxen(...).configurable_alternatives(...)`: tools and schemas are bound to each of the models."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> OxenAlternatives:
        """Give tools to each of the models; arguments as in `ChatOxen.bind_tools`."""
        return self._each(lambda model: model.bind_tools(tools, **kwargs))

    def with_structured_output(self, schema: Any = None, **kwargs: Any) -> OxenAlternatives:
        """Ask each of the models for an object; arguments as in `ChatOxen.with_structured_output`."""
        return self._each(lambda model: model.with_structured_output(schema, **kwargs))

    def _each(self, change: Callable[[Any], Runnable[LanguageModelInput, Any]]) -> OxenAlternatives:
        changed = {
            key: change(model) if isinstance(model, Runnable) else _later(change, model)
            for key, model in self.alternatives.items()
        }
        return type(self)(**{**self.__dict__, "default": change(self.default), "alternatives": changed})


def _later(change: Callable[[Any], Any], make: Callable[[], Any]) -> Callable[[], Any]:
    """An alternative that is made when it is first chosen."""
    return lambda: change(make())
