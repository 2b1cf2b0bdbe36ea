"""The door to the clients. What speaks HTTP is imported with the first call, not with the package.

httpx, httpcore and h2 are two thirds of what an import would take, and many processes that import
a model (a web server's workers, a notebook, a command with `--help`) do not call it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _oxen_transport.client import AsyncOxenClient, OxenClient
    from _oxen_transport.observer import Start
    from _oxen_transport.settings import OxenSettings

observe: Start | None = None
"""Makes the observer of each answer; set by `otel.py`."""


def sync_client(settings: OxenSettings) -> OxenClient:
    """A client for a model object's settings; make one per call, never keep it on the object."""
    from _oxen_transport import client  # noqa: PLC0415 - see above

    if observe is not None:
        from _oxen_transport.observer import ObservedClient  # noqa: PLC0415 - only when something is watched

        return ObservedClient(settings, observe)
    return client.OxenClient(settings)


def async_client(settings: OxenSettings) -> AsyncOxenClient:
    """The same for asyncio."""
    from _oxen_transport import client  # noqa: PLC0415 - see above

    if observe is not None:
        from _oxen_transport.observer import AsyncObservedClient  # noqa: PLC0415 - only when something is watched

        return AsyncObservedClient(settings, observe)
    return client.AsyncOxenClient(settings)
