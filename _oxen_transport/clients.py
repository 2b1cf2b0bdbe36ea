"""The door to the clients. What speaks HTTP is imported with the first call, not with the package.

httpx, httpcore and h2 are two thirds of what an import would take, and many processes that import
a model (a web server's workers, a notebook, a command with `--help`) do not call it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _oxen_transport.async_client import AsyncOxenClient
    from _oxen_transport.client import OxenClient
    from _oxen_transport.settings import OxenSettings


def sync_client(settings: OxenSettings) -> OxenClient:
    """A client for a model object's settings; make one per call, never keep it on the object."""
    from _oxen_transport import client  # noqa: PLC0415 - see above

    return client.OxenClient(settings)


def async_client(settings: OxenSettings) -> AsyncOxenClient:
    """The same for asyncio."""
    from _oxen_transport import async_client as module  # noqa: PLC0415 - see above

    return module.AsyncOxenClient(settings)
