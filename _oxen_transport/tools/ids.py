"""Ids of tool calls, in the one shape that every model accepts: Mistral's refuse all but `^[a-zA-Z0-9]{9}$` with a 400.

https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/validator.py, where it is
`_validate_tool_call`. Other services write `call_` and 24 characters, a UUID, or nothing at all.
"""

from __future__ import annotations

import hashlib
import re
import string

WIRE_ID = re.compile(r"[a-zA-Z0-9]{9}")
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LENGTH = 9


def wire_id(foreign_id: str) -> str:
    """Map any id to one that Mistral's models accept; one that conforms stays.

    The same id always gives the same result: call and result belong together in another process, too.
    """
    # fullmatch, as "$" would let a line break at the end pass
    return foreign_id if WIRE_ID.fullmatch(foreign_id) else _hashed("foreign", foreign_id)


def fresh_id(*seed: str) -> str:
    """Make an id for a call that came without one: the same seed always gives the same id."""
    return _hashed("fresh", *seed)


def _hashed(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")  # a lone surrogate is junk, and no reason to fail
        digest.update(b"%d:" % len(raw) + raw)  # with its length, so that ("ab", "c") is not ("a", "bc")
    number = int.from_bytes(digest.digest(), "big")
    text = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        text += _ALPHABET[digit]
    return text
