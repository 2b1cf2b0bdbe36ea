"""Oxen.ai's chat models for LangChain: `ChatOxen`, and every error it raises.

Set OXEN_API_KEY, then `ChatOxen().invoke("Hello")`.
"""

from typing import TYPE_CHECKING

try:
    import langchain_core  # noqa: F401 - only to explain its absence
except ImportError:
    from _oxen_transport.errors import OxenMissingExtraError

    raise OxenMissingExtraError(
        "langchain_oxen needs langchain-core: pip install 'oxen-integrations[langchain]'"
    ) from None

from _oxen_transport import __version__, imported_later
from _oxen_transport.catalogue import ModelInfo
from _oxen_transport.model import OxenCatalogue
from langchain_oxen import content_blocks as blocks
from langchain_oxen import errors
from langchain_oxen.chat_models import ChatOxen
from langchain_oxen.errors import *  # noqa: F403

if TYPE_CHECKING:
    from langchain_oxen.rate_limiter import OxenRateLimiter
    from langchain_oxen.registry import register
else:  # hidden from type checkers, which would take any name for one of the package
    __getattr__, __dir__ = imported_later(__name__, {"OxenRateLimiter": "rate_limiter", "register": "registry"})

blocks.register()

__all__ = ["ChatOxen", "OxenCatalogue", "ModelInfo", "OxenRateLimiter", "register", "__version__"]
__all__ += errors.__all__
