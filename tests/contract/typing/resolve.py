"""Resolves every public annotation of a package; run by the tests in a process that lacks the other framework."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any


def public(package: str) -> Iterator[Any]:
    """Every public class, function and method of a package, and of the transport where the package offers it."""
    root = importlib.import_module(package)
    for name in root.__all__:
        yield from callables(getattr(root, name))
    for module in submodules(root):
        for name, thing in vars(module).items():
            if str(getattr(thing, "__module__", "")).startswith(package) and not name.startswith("_"):
                yield from callables(thing)


def submodules(root: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(root.__path__):
        if found.name != "namespace":  # it is on its place in the wheel only
            yield importlib.import_module(f"{root.__name__}.{found.name}")


def callables(thing: Any) -> Iterator[Any]:
    if inspect.isfunction(thing) or inspect.isclass(thing):
        yield thing
    ours = [base for base in getattr(thing, "__mro__", ()) if "oxen" in base.__module__]
    for name, member in (item for base in ours for item in vars(base).items()):
        if not name.startswith("_"):
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            # what is only wrapped here has the annotations of its framework
            if inspect.isfunction(function) and "oxen" in inspect.unwrap(function).__module__:
                yield function


def resolve(package: str) -> int:
    """Returns: how many there are. Raises: NameError, if one does not resolve."""
    things = set(public(package))
    for thing in things:
        try:
            typing.get_type_hints(thing)
        except NameError as error:
            raise NameError(f"{thing.__module__}.{thing.__qualname__}: {error}") from error
    return len(things)
