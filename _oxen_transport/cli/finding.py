"""What one step of the doctor found."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What one step found.

    Attributes:
        name: The step.
        status: "warning" is worth knowing, "failure" is in the way of a call.
        text: What was found; never a key.
        cure: What to do about it; empty where nothing is to be done.
    """

    name: str
    status: Literal["ok", "warning", "failure"]
    text: str
    cure: str = ""
