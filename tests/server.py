"""The former place of the scripted server; new code imports from `_oxen_transport.testing`."""

from __future__ import annotations

from _oxen_transport.testing import *  # noqa: F403
from tests.certificates import Certificates  # noqa: F401
from tests.recorded import recorded  # noqa: F401
