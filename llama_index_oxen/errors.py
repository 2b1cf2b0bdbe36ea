"""The errors. LlamaIndex has no error classes of its own, so these are the transport's.

The tree is drawn in `_oxen_transport/errors.py`; its root is `OxenError`.
"""

from typing import Any, ClassVar  # noqa: F401 - the annotations of the classes below are resolved here

# ruff: noqa: F405
from _oxen_transport.errors import *  # noqa: F403

# one by one, since type checkers cannot follow another package's list; a test compares them
__all__ = [
    "OxenError", "OxenConfigError", "OxenMissingExtraError", "OxenConnectionError", "OxenTLSError",
    "OxenTimeoutError", "OxenRedirectError", "OxenStatusError", "OxenBadRequestError", "OxenContextOverflowError",
    "OxenUpgradeRequiredError", "OxenPaymentRequiredError", "OxenAuthenticationError", "OxenPermissionError",
    "OxenNotFoundError", "OxenRateLimitError", "OxenServerError", "OxenAPIError", "OxenStreamError",
    "OxenResponseError", "OxenResponseTooLargeError", "OxenTruncatedStreamError", "OxenBrokenStreamError",
    "OxenToolCallError", "OxenStructuredOutputError", "OxenRefusalError",
]  # fmt: skip

for _name in __all__:  # tracebacks name the module that users import
    globals()[_name].__module__ = __name__
