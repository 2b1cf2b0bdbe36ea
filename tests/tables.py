"""Tables of examples that are one test: each row runs, and each that fails is named."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

ParameterSet = type(pytest.param(None))


def each_row(names: str | tuple[str, ...], rows: Iterable[Any], **_ids: Any) -> Callable[[Any], Any]:
    """Like `pytest.mark.parametrize`, in one test: for tables of plain values, of which hundreds cost nothing.

    Fixtures are made once, for all rows.
    """
    keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    rows = [row.values if isinstance(row, ParameterSet) else row for row in rows]
    table = [row if len(keys) > 1 else (row,) for row in rows]

    def decorate(test: Any) -> Any:
        @functools.wraps(test)
        def run(*args: Any, **fixtures: Any) -> None:
            failures: list[BaseException] = []
            for row in table:
                values = dict(zip(keys, row, strict=True))
                try:
                    test(*args, **fixtures, **values)
                except (Exception, pytest.fail.Exception, pytest.skip.Exception) as failure:  # noqa: BLE001 - raised below
                    failure.add_note(f"in the row {values!r}")
                    failures.append(failure)
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(table)} rows", failures)

        signature = inspect.signature(test)
        left = [parameter for name, parameter in signature.parameters.items() if name not in keys]
        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return run

    return decorate
