"""The errors. LlamaIndex has no error classes of its own, so these are the transport's.

The tree is drawn in `_oxen_transport/errors.py`; its root is `OxenError`.
"""

from _oxen_transport import errors as transport
from _oxen_transport.errors import *  # noqa: F403

__all__: list[str] = []
__all__ += transport.__all__
