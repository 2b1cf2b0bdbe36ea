"""An extension of griffe for the reference: the classes' lists of parameters give way to the page that has them all.

Written as `help()` shows them best, they would be run together into one paragraph there.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_LISTS = re.compile(r"^Key init args.*?(?=^Instantiate:)", re.DOTALL | re.MULTILINE)


class WithoutParameterLists(griffe.Extension):
    """Shortens the docstrings of classes."""

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Called for each class that is read."""
        if cls.docstring:
            cls.docstring.value = _LISTS.sub(
                "The parameters are on [a page of their own](parameters.md).\n\n", cls.docstring.value
            )
