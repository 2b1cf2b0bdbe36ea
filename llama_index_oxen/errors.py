"""The errors. LlamaIndex has no error classes of its own, so these are the transport's.

The tree is drawn in `_oxen_transport/errors.py`; its root is `OxenError`.
"""

from typing import Any, ClassVar  # noqa: F401 - the annotations of the classes below are resolved here

from _oxen_transport import errors as transport
from _oxen_transport.errors import *  # noqa: F403

__all__: list[str] = []
__all__ += transport.__all__

for _name in __all__:  # tracebacks name the module that users import
    globals()[_name].__module__ = __name__
