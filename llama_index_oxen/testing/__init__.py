"""For tests of code that uses `Oxen`: the server behind the pytest fixture `oxen_server`. See docs/testing.md.

Needs the extra `testing`: `pip install 'oxen-integrations[testing]'`.
"""

from __future__ import annotations

from _oxen_transport.testing import *  # noqa: F403 - the names are those of the shared package
from _oxen_transport.testing import __all__  # noqa: F401
