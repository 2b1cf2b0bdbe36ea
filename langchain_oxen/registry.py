"""`init_chat_model("oxen:...")`, and "oxen:..." wherever LangChain takes a model as a string.

LangChain has no public door for packages of others: its table of providers is a private dict
(`_BUILTIN_PROVIDERS` in `langchain/chat_models/base.py`). We add our line to it when it is there,
import nothing for it, and lose nothing when it is gone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_TABLE_AT = "langchain.chat_models.base"


def register() -> None:
    """Add our line now, or at the moment when LangChain gets imported."""
    module = sys.modules.get(_TABLE_AT)
    if module is not None:
        add_line(module)
    elif not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch())


def add_line(module: ModuleType) -> None:
    """Add our line to the table, if it is the table we know."""
    table = getattr(module, "_BUILTIN_PROVIDERS", None)
    create = getattr(module, "_call", None)
    if isinstance(table, dict) and callable(create):
        table.setdefault("oxen", ("langchain_oxen", "ChatOxen", create))


class _Watch(MetaPathFinder):
    """Waits for one module, then leaves."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing for every module but one; for that one, what would be found anyway."""
        if fullname != _TABLE_AT:
            return None
        with suppress(ValueError):
            sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader)
        return spec


class _Then(Loader):
    """Loads as the loader it wraps, then adds our line."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the wrapped loader does."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """As the wrapped loader does; then our line."""
        self._loader.exec_module(module)
        add_line(module)
