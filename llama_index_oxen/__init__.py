"""Oxen.ai's chat models for LlamaIndex: `Oxen`, and every error it raises.

Set OXEN_API_KEY, then `Oxen().complete("Hello")`.
"""

from typing import TYPE_CHECKING

try:
    import llama_index.core  # noqa: F401 - only to explain its absence
except ImportError:
    from _oxen_transport.errors import OxenMissingExtraError

    raise OxenMissingExtraError(
        "llama_index_oxen needs llama-index-core: pip install 'oxen-integrations[llama-index]'"
    ) from None

from _oxen_transport import __version__, imported_later
from _oxen_transport.catalogue import ModelInfo
from _oxen_transport.model import OxenCatalogue
from llama_index_oxen import errors
from llama_index_oxen.errors import *  # noqa: F403
from llama_index_oxen.llms import Oxen

if TYPE_CHECKING:
    from llama_index_oxen.global_settings import tokenizer, use
    from llama_index_oxen.rate_limiter import OxenRateLimiter
else:  # hidden from type checkers, which would take any name for one of the package
    __getattr__, __dir__ = imported_later(
        __name__, {"OxenRateLimiter": "rate_limiter", "tokenizer": "global_settings", "use": "global_settings"}
    )

__all__ = ["Oxen", "use", "tokenizer", "OxenCatalogue", "ModelInfo", "OxenRateLimiter", "__version__"]
__all__ += errors.__all__
