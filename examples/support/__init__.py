"""What all examples share: a server to talk to, documents to ask about, letters to read.

Nothing here is needed with an OXEN_API_KEY: `ChatOxen()` and `Oxen()` then work as they stand.
"""

from examples.support.corpus import Passage, passages
from examples.support.letter import LETTER, LETTERS
from examples.support.local import connection, note

__all__ = ["LETTER", "LETTERS", "Passage", "connection", "note", "passages"]
