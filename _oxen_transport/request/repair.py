"""Any conversation -> one that the model's family accepts. No text is lost, no object of the caller's changed.

LangChain and LlamaIndex produce histories that Mixtral refuses with an opaque 400. `repair` changes them by named
rules (`rules.RULES`, each with its source), in one sequence of passes. Each rule looks at a message and at those
before it, so that a message which is added later leaves the earlier ones as they were sent.
"""

from __future__ import annotations

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import Family
from _oxen_transport.request.rules import Mode, Report
from _oxen_transport.request.tool_results import calls_as_text, paired, set_ids
from _oxen_transport.request.turns import Turn, join, read, write
from _oxen_transport.types import ROLES, Message

GO_ON = "Continue."
"""A user's message where the order needs one and the conversation has none."""
UNDERSTOOD = "OK."
"""An assistant's message where the order needs one and the conversation has none."""


def repair(
    messages: list[Message], family: Family, mode: Mode, *, tools: bool, report: Report | None = None
) -> list[Message]:
    """Repair a conversation for one family of models. Deterministic and idempotent; order is kept wherever it may be.

    Args:
        messages: The conversation in the request's format. Nothing in it is changed.
        family: What the model accepts (`families.family`).
        mode: "repair" changes what is refused; "strict" raises exactly where "repair" would change something; "off"
            leaves everything as it is.
        tools: Whether the request declares tools.
        report: Records which rules ran, for a caller who then logs it or not; without one, they are logged.

    Raises:
        OxenConfigError: There is no message (in every mode); something cannot be repaired, such as an image for a
            text-only model; or, with "strict", a rule would have to run.
    """
    if not messages:
        # "Messages array cannot be empty", https://docs.oxen.ai/inference-api/reference/chat_completions
        raise OxenConfigError("there is no message to send: the conversation is empty")
    if mode == "off":
        return list(messages)
    log, report = report is None, report or Report(family.name)
    repaired = _repaired(messages, family, report, tools=tools)
    if messages != repaired:
        report.note_change(messages, repaired)
    if mode == "strict":
        report.refuse_changes()
        return list(messages)
    if log:
        report.log()
    return repaired


def _repaired(messages: list[Message], family: Family, report: Report, *, tools: bool) -> list[Message]:
    turns = [read(message, at, family, report) for at, message in enumerate(messages)]
    if family.calls_need_tools and not tools:
        turns = calls_as_text(turns, report)
    if family.strict_order:
        turns = _without_empty(turns, family, report)
        turns = _names_into_text(turns, report)
        turns = _system_first(turns, report)
    if any(turn.calls or turn.role == "tool" for turn in turns):
        turns = paired(turns, family, report)
        set_ids(turns, family, report)
    if family.strict_order:
        turns = _alternating(turns, family, report)
    _set_prefix(turns, family, report)
    return [write(turn, family) for turn in turns]


# -- texts ---------------------------------------------------------------------------------


def _without_empty(turns: list[Turn], family: Family, report: Report) -> list[Turn]:
    """Drop assistant and system messages that say nothing; a user's or a tool's silence is kept."""
    kept = []
    for turn in turns:
        if turn.role in ("assistant", "system") and turn.is_empty:
            report.note("empty-message", turn.at)
            continue
        if turn.calls and turn.content and not family.content_with_calls and not str(turn.content).strip():
            report.note("content-and-calls", turn.at)  # spaces count as text
            turn.content = ""
        kept.append(turn)
    return kept


def _names_into_text(turns: list[Turn], report: Report) -> list[Turn]:
    """Drop `name`; it goes in front of the text where it says more than the role does.

    Agents put their own on every answer, so an assistant's is written from the second speaker on.
    """
    answering: set[str | None] = set()
    for turn in turns:
        if turn.role == "assistant":
            answering.add(turn.name)
        if not turn.name or turn.role == "tool":
            continue
        report.note("name", turn.at)
        says_more = turn.role == "user" or (turn.role == "assistant" and len(answering) > 1)
        if says_more and turn.name.lower() not in ROLES and turn.content:
            turn.content = join(f"{turn.name}: ", turn.content, between="")
        turn.name = None
    return turns


def _system_first(turns: list[Turn], report: Report) -> list[Turn]:
    """System messages at the beginning as one; a later one as a user's message, in its place.

    Moved to the front, it would change the beginning of a conversation that a server may have cached; and Mixtral's
    template writes the system prompt into a user's message in any case.
    """
    first: Turn | None = None
    kept: list[Turn] = []
    for turn in turns:
        if turn.role == "system" and kept and kept[-1] is first:
            report.note("same-role", turn.at)
            first.content = join(first.content, turn.content)
            continue
        if turn.role == "system":
            if kept:
                report.note("system-first", turn.at)
                turn.role = "user"
            else:
                first = turn
        kept.append(turn)
    return kept


# -- order ---------------------------------------------------------------------------------


def _alternating(turns: list[Turn], family: Family, report: Report) -> list[Turn]:
    """User and assistant in turns, beginning with the user; results already follow their calls."""
    out = _Order(family, report)
    if not turns:  # nothing but empty messages
        report.note("first-role", 0)
        turns = [Turn(0, "user", GO_ON)]
    if [turn.role for turn in turns] == ["system"]:
        report.note("system-alone", turns[0].at)
        turns[0].role = "user"
    for turn in turns:
        out.place(turn)
    return out.turns


class _Order:
    """Turns in an order that the strictest of the templates takes."""

    def __init__(self, family: Family, report: Report) -> None:
        self.turns: list[Turn] = []
        self._family = family
        self._report = report

    def place(self, turn: Turn) -> None:
        """Add one turn, and what has to stand before it."""
        last = self.turns[-1].role if self.turns else "system"
        if turn.role == "user":
            if last == "user":
                self._merge(turn, "same-role")
                return
            if last == "tool":
                self._report.note("user-after-tool", turn.at)
                self.turns.append(Turn(turn.at, "assistant", UNDERSTOOD))
        elif turn.role == "assistant":
            if turn.calls and turn.content and not self._family.content_with_calls:
                self._split(turn)
                return
            if last == "system":
                self._report.note("first-role", turn.at)
                self.turns.append(Turn(turn.at, "user", GO_ON))
            elif last == "assistant":
                self._after_assistant(turn)
                return
        self.turns.append(turn)

    def _after_assistant(self, turn: Turn) -> None:
        if turn.calls and not self._family.content_with_calls:
            self._report.note("content-and-calls", turn.at)
            self.turns += [Turn(turn.at, "user", GO_ON), turn]
        else:
            self._merge(turn, "same-role")

    def _split(self, turn: Turn) -> None:
        """Text first, then the calls, as the model wrote them, with a user's message between."""
        self._report.note("content-and-calls", turn.at)
        self.place(Turn(turn.at, "assistant", turn.content))
        turn.content = ""
        turn.content_is_null = True
        self.turns += [Turn(turn.at, "user", GO_ON), turn]

    def _merge(self, turn: Turn, rule: str) -> None:
        self._report.note(rule, turn.at)
        last = self.turns[-1]
        last.content = join(last.content, turn.content)
        last.calls += turn.calls


def _set_prefix(turns: list[Turn], family: Family, report: Report) -> None:
    """Mark a last assistant message as one to go on with; take the mark off every other one."""
    for turn in turns[:-1]:
        if turn.prefix and family.prefix_key:
            report.note("prefix", turn.at)
        turn.prefix = False
    last = turns[-1]
    if family.prefix_key and last.role == "assistant" and not last.prefix:
        report.note("last-assistant", last.at)
        last.prefix = True
