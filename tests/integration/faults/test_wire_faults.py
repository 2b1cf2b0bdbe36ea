"""Every fault on the wire, through every entry point: the right answer, or a clear typed error.

The tables are in `faults_in_answers` and `faults_in_streams`. For each cell: the outcome is one of those allowed; no
more requests than allowed reach the server; it does not hang; what was handed out before an
error is a beginning of the answer; the key shows nowhere; the connection is let go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from _oxen_transport.errors import OxenError
from _oxen_transport.testing import Server, Stage
from tests.entry_points import EVERY, Answer, EntryPoint, in_turn
from tests.integration.faults import faults_in_answers, faults_in_streams
from tests.integration.faults.fault import RETRIES, Fault
from tests.integration.faults.secrets_and_resources import assert_keeps_secrets, watched

FAULTS = (*faults_in_answers.ALL, *faults_in_streams.ALL)


def applies(fault: Fault, api: EntryPoint, number: int) -> bool:
    """A fault of whole and of streamed answers: one of them sync, the other async; the next fault the other way."""
    alternates = fault.ways != "both" or (api.is_async is api.streams) is (number % 2 == 0)
    return fault.fits(api.streams) and (EVERY or alternates)


CELLS = [(fault, api) for number, fault in enumerate(FAULTS) for api in in_turn(number) if applies(fault, api, number)]
pytestmark = pytest.mark.usefixtures("fast_retries")


@dataclass
class Outcome:
    """What came of one call."""

    answer: Answer | None = None
    error: BaseException | None = None
    pieces: list[str] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)


def call(api: EntryPoint, stage: Stage, fault: Fault) -> Outcome:
    model = api.make(stage.url, **{"timeout": 20, "max_retries": RETRIES, **fault.options})
    outcome = Outcome()
    try:
        outcome.answer = watched(lambda: api.ask(model, seen=outcome.chunks))
    except Exception as error:  # noqa: BLE001 - whatever it is, the checks below judge it
        outcome.error = error
    outcome.pieces = [api.text_of(chunk) for chunk in outcome.chunks]
    return outcome


@pytest.mark.parametrize(("fault", "api"), CELLS, ids=[f"{fault}-{api}" for fault, api in CELLS])
def test_fault(fault: Fault, api: EntryPoint, server: Server) -> None:
    stage = server.stage(*fault.script)
    with bounded_memory(fault.most_mib):
        outcome = call(api, stage, fault)

    if outcome.error is None:
        judge_answer(fault, outcome)
    else:
        judge_error(fault, outcome)
    least, most = fault.requests
    assert least <= len(stage.requests) <= most, f"{len(stage.requests)} requests reached the server"
    assert stage.released(10), "the connection was not let go"


def judge_answer(fault: Fault, outcome: Outcome) -> None:
    assert outcome.answer is not None
    assert outcome.answer.text == fault.answer, "not the right answer"
    assert not fault.ends_in or fault.or_right, "an answer, where an error was due"


def judge_error(fault: Fault, outcome: Outcome) -> None:
    error = outcome.error
    assert isinstance(error, OxenError), f"not one of our errors: {error!r}"
    assert fault.ends_in, f"an error, where the right answer was due: {error!r}"
    assert isinstance(error, fault.ends_in), f"the wrong kind: {error!r}"
    assert fault.says in str(error)
    assert len(str(error)) < 16_384
    assert error.is_retryable in (True, False)
    given = "".join(outcome.pieces)
    assert fault.answer.startswith(given), "what was handed out is not the answer's beginning"
    assert error.partial_text == given or not outcome.chunks, "the error does not carry what was handed out"
    assert_keeps_secrets(error)


class bounded_memory:  # noqa: N801 - reads as a word
    """Fails if the process's peak grows by more than so many MiB. Linux only; elsewhere it does nothing."""

    def __init__(self, mib: int) -> None:
        self._mib = mib
        self._able = Path("/proc/self/clear_refs").exists()

    def __enter__(self) -> None:
        if self._able:
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
            self._before = self._peak()

    def __exit__(self, *_: object) -> None:
        if self._able:
            grown = (self._peak() - self._before) / 1024
            assert grown < self._mib, f"memory grew by {grown:.0f} MiB"

    @staticmethod
    def _peak() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
