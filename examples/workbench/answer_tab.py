"""The Answer tab: what comes, as it comes; at the end its figures, or the cause of a failure and its cure."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.workbench.run import Run

LONGEST_MARKDOWN = 30_000
"""Characters; longer answers are shown as plain text, which costs nothing to draw."""


class AnswerTab:
    """Draws a run. `reply` is what the button of that name does."""

    def __init__(self, reply: Callable[[], None]) -> None:
        self._shown: tuple[Run, int] | None = None
        self._not_before = 0.0
        self._facts = ui.label().classes("wb-facts text-xs opacity-70")
        with ui.expansion("Reasoning").classes("wb-reasoning w-full").props("dense") as self._reasoning_box:
            self._reasoning = ui.label().classes("whitespace-pre-wrap text-sm opacity-80")
        self._answer = ui.markdown().classes("wb-answer w-full")
        self._plain = ui.label().classes("wb-plain w-full whitespace-pre-wrap text-sm")
        self._calls = ui.label().classes("wb-calls w-full whitespace-pre-wrap font-mono text-xs")
        with ui.card().classes("wb-error w-full p-2 bg-red-100 dark:bg-red-950") as self._error_box:
            self._cause = ui.label().classes("wb-cause font-bold whitespace-pre-wrap break-words")
            self._cure = ui.label().classes("wb-cure break-words")
        self._reply = ui.button("Reply", icon="reply", on_click=reply).classes("wb-reply").props("dense flat")
        for element in (self._error_box, self._reasoning_box, self._reply):
            element.set_visibility(False)

    def draw(self, run: Run) -> None:
        """Draw what came since the last time; long answers less often, or drawing is all that happens."""
        now = time.monotonic()
        self._facts.set_text(run.facts)
        if self._shown == (run, run.changes) or (run.status == "running" and now < self._not_before):
            return
        self._shown = (run, run.changes)
        long = len(run.text) > LONGEST_MARKDOWN
        self._answer.set_content("" if long else _with_closed_fence(run.text))
        self._plain.set_text(run.text if long else "")
        self._reasoning.set_text(run.reasoning)
        self._reasoning_box.set_visibility(bool(run.reasoning))
        self._calls.set_text("\n".join(json.dumps(call, ensure_ascii=False) for call in run.calls))
        self._reply.set_visibility(bool(run.text) and run.status == "done")
        self._error_box.set_visibility(run.error is not None)
        if run.error is not None:
            self._cause.set_text(run.error.message)
            self._cure.set_text(run.error.advice)
        self._not_before = time.monotonic() + 4 * (time.monotonic() - now) + len(run.text) / 200_000


def _with_closed_fence(text: str) -> str:
    """Markdown whose last block of code is still being written, or was cut: code from its first line on."""
    fences = sum(line.lstrip().startswith("```") for line in text.split("\n"))
    return f"{text}\n```" if fences % 2 else text
