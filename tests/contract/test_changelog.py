"""What the changelog calls renamed still works for one minor version, and warns."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import langchain_oxen
import llama_index_oxen

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
each_package = pytest.mark.parametrize(
    "package", [langchain_oxen, llama_index_oxen], ids=lambda module: module.__name__
)


def renamed() -> dict[str, str]:
    """The rate limiter's methods, as the changelog's row lists them: old name -> new name."""
    (row,) = re.findall(r"^\| `OxenRateLimiter\.(.*) \|$", CHANGELOG, re.MULTILINE)
    before, now = (re.findall(r"`?(\w+)`", side) for side in row.split(" | "))
    return dict(zip(before, now, strict=False))


@each_package
def test_the_limiters_old_methods_work_and_warn_once_for_each_place(package: ModuleType) -> None:
    names = renamed()
    assert len(names) == 4
    limiter = package.OxenRateLimiter(requests_per_minute=60)
    for old, new in names.items():
        with pytest.warns(DeprecationWarning, match=f"{old} was renamed to {new}") as caught:
            method = getattr(limiter, old)
        assert len(caught) == 1
        assert Path(caught[0].filename) == Path(__file__)
        assert (method() is not limiter.would_wait()) if old == "free" else (method == getattr(limiter, new))
    with pytest.raises(AttributeError, match="no attribute 'take'"):
        limiter.take()


@each_package
def test_what_was_never_renamed_does_not_warn(package: ModuleType, recwarn: pytest.WarningsRecorder) -> None:
    limiter = package.OxenRateLimiter()
    assert limiter.reserve().wait == 0
    limiter.on_response(200, {})
    limiter.record_usage(1, 2)
    assert limiter.would_wait()
    assert [str(warning.message) for warning in recwarn] == []
