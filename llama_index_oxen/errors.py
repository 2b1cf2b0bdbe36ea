"""The errors. LlamaIndex has no error classes of its own, so these are the transport's.

The tree is drawn in `_oxen_transport/errors.py`; its root is `OxenError`.
"""

from _oxen_transport.errors import *  # noqa: F403
from _oxen_transport.errors import __all__  # noqa: F401 - the list of both packages
