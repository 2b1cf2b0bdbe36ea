"""The errors. LlamaIndex has no family of its own, so these are the transport's.

The tree is drawn in `_oxen_transport/errors.py`; its root is `OxenError`.
"""

from __future__ import annotations

from _oxen_transport.errors import (
    OxenAPIError,
    OxenAuthenticationError,
    OxenBadRequestError,
    OxenBrokenStreamError,
    OxenConfigError,
    OxenConnectionError,
    OxenContextOverflowError,
    OxenError,
    OxenMissingExtraError,
    OxenNotFoundError,
    OxenPaymentRequiredError,
    OxenPermissionError,
    OxenRateLimitError,
    OxenRedirectError,
    OxenResponseError,
    OxenResponseTooLargeError,
    OxenServerError,
    OxenStatusError,
    OxenStreamError,
    OxenStructuredOutputError,
    OxenTimeoutError,
    OxenTLSError,
    OxenToolCallError,
    OxenTruncatedStreamError,
    OxenUpgradeRequiredError,
)

__all__ = [
    "OxenError",
    "OxenConfigError",
    "OxenMissingExtraError",
    "OxenConnectionError",
    "OxenTLSError",
    "OxenTimeoutError",
    "OxenRedirectError",
    "OxenStatusError",
    "OxenBadRequestError",
    "OxenContextOverflowError",
    "OxenUpgradeRequiredError",
    "OxenPaymentRequiredError",
    "OxenAuthenticationError",
    "OxenPermissionError",
    "OxenNotFoundError",
    "OxenRateLimitError",
    "OxenServerError",
    "OxenAPIError",
    "OxenStreamError",
    "OxenResponseError",
    "OxenResponseTooLargeError",
    "OxenTruncatedStreamError",
    "OxenBrokenStreamError",
    "OxenToolCallError",
    "OxenStructuredOutputError",
]
