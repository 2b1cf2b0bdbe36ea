"""What all examples share: a server to talk to, a corpus to ask about, a letter to read.

Nothing here is needed with an OXEN_API_KEY: `ChatOxen()` and `Oxen()` then work as they stand.
"""

from examples.support.corpus import Passage, passages
from examples.support.letter import LETTER
from examples.support.local import connection

__all__ = ["LETTER", "Passage", "connection", "passages"]
