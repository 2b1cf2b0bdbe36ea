"""Oxen.ai's chat models for LlamaIndex: `Oxen`, and every error it raises.

Set OXEN_API_KEY, then `Oxen().complete("Hello")`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    import llama_index.core  # noqa: F401 - only to explain its absence
except ImportError:
    from _oxen_transport.errors import OxenMissingExtraError

    raise OxenMissingExtraError(
        "llama_index_oxen needs llama-index-core: pip install 'oxen-integrations[llama-index]'"
    ) from None

from _oxen_transport import __version__
from _oxen_transport.catalogue import ModelInfo
from _oxen_transport.model import OxenCatalogue
from llama_index_oxen import errors
from llama_index_oxen.errors import *  # noqa: F403
from llama_index_oxen.llms import Oxen

if TYPE_CHECKING:
    from llama_index_oxen.global_settings import tokenizer, use
    from llama_index_oxen.rate_limiter import OxenRateLimiter

__all__ = ["Oxen", "use", "tokenizer", "OxenCatalogue", "ModelInfo", "OxenRateLimiter", "__version__"]
__all__ += errors.__all__

_LATER = {"OxenRateLimiter": "rate_limiter", "tokenizer": "global_settings", "use": "global_settings"}
"""What few programs need: imported when it is asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
