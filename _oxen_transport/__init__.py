"""What `langchain_oxen` and `llama_index_oxen` share: the API, without a framework. Private; import those two.

The clients come with the first call: HTTP libraries are two thirds of what an import would take.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from _oxen_transport.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _oxen_transport.async_client import AsyncOxenClient
    from _oxen_transport.client import OxenClient
    from _oxen_transport.observed_clients import Start
    from _oxen_transport.settings import OxenSettings

__all__ = ["__version__", "async_client_for", "client_for", "imported_later"]

observe: Start | None = None
"""Makes the observer of each answer, if something watches them; see `otel`."""


def client_for(settings: OxenSettings) -> OxenClient:
    """A client for a model object's settings; make one per call, never keep it on the object."""
    if observe is not None:
        from _oxen_transport.observed_clients import ObservedClient  # noqa: PLC0415 - only when something watches

        return ObservedClient(settings, observe)
    from _oxen_transport.client import OxenClient  # noqa: PLC0415 - see above

    return OxenClient(settings)


def async_client_for(settings: OxenSettings) -> AsyncOxenClient:
    """Async version of `client_for`."""
    if observe is not None:
        from _oxen_transport.observed_clients import AsyncObservedClient  # noqa: PLC0415 - only when something watches

        return AsyncObservedClient(settings, observe)
    from _oxen_transport.async_client import AsyncOxenClient  # noqa: PLC0415 - see above

    return AsyncOxenClient(settings)


def imported_later(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names in `modules` are imported when they are asked for."""
    held = vars(sys.modules[package])

    def getattribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        held[name] = found = getattr(import_module(f"{package}.{modules[name]}"), name)
        return found

    return getattribute, lambda: sorted({*held, *modules})
