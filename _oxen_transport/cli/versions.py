"""Whether what is installed fits what this distribution declares."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from _oxen_transport import __version__
from _oxen_transport.cli.finding import Finding

DISTRIBUTION = "oxen-integrations"
EXTRAS = ("", "langchain", "llama-index", "tokenizer", "otel", "http2", "socks", "cli")
"""The extras that users install; the developers' ones are of no interest here."""


def findings() -> Iterator[Finding]:
    """The versions, and each package that is outside of its range."""
    try:
        declared = [Requirement(line) for line in requires(DISTRIBUTION) or ()]
    except PackageNotFoundError:
        text = f"{DISTRIBUTION} {__version__} is not installed, only found on the path"
        yield Finding("versions", "warning", text, f"pip install {DISTRIBUTION}")
        return
    found = {one.name: _version(one.name) for one in _applying(declared)}
    shown = [f"Python {platform.python_version()}", f"{DISTRIBUTION} {__version__}"]
    shown += [f"{name} {number}" for name, number in found.items() if number]
    yield Finding("versions", "ok", ", ".join(shown))
    for one in _applying(declared):
        number = found[one.name]
        if number is None or one.specifier.contains(number, prereleases=True):
            continue
        text = f"{one.name} {number} is outside of {one.specifier}"
        yield Finding("versions", "warning", text, f"pip install '{one.name}{one.specifier}'")


def _applying(declared: list[Requirement]) -> Iterator[Requirement]:
    """What is asked for on this Python, by the distribution itself or by an extra for users."""
    for one in declared:
        if one.name != DISTRIBUTION and (
            one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in EXTRAS)
        ):
            yield one


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
