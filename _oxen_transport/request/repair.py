"""Any conversation -> one that the model's family accepts. No text is lost, no object of the caller's changed.

LangChain and LlamaIndex produce histories that Mixtral refuses with an opaque 400: foreign ids,
system messages in the middle, a user's message after a tool result, text beside tool calls.
`repair` mends them by named rules (`history_rules.RULES`, each with its source), in one sequence of
passes. What nobody can mend is an error on this side, before a byte is sent.
"""

from __future__ import annotations

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.families import Family
from _oxen_transport.request.rules import Mode, Report
from _oxen_transport.request.tool_results import calls_as_text, paired, set_ids
from _oxen_transport.request.turns import Turn, join, read, write
from _oxen_transport.types import Message

GO_ON = "Continue."
"""What the user says where the order asks for a user's message and there is none."""
UNDERSTOOD = "OK."
"""What the assistant says where the order asks for an assistant's message and there is none."""


def repair(messages: list[Message], family: Family, mode: Mode, *, tools: bool) -> list[Message]:
    """Mend a conversation for one family of models.

    Deterministic and idempotent; order is kept wherever the family allows it.

    Args:
        messages: The conversation in the wire's words. Nothing in it is changed.
        family: What the model accepts (`models.family`).
        mode: "repair" mends; "strict" raises where "repair" would mend; "off" leaves all as it is.
        tools: Whether the request declares tools.

    Returns:
        New messages; with "off", the same ones in a new list.

    Raises:
        OxenConfigError: There is no message (in every mode); something cannot be mended, such as an
            image for a text-only model; or, with "strict", a rule would have to run.
    """
    if not messages:
        # "Messages array cannot be empty", https://docs.oxen.ai/inference-api/reference/chat_completions
        raise OxenConfigError("there is no message to send: the conversation is empty")
    if mode == "off":
        return list(messages)
    report = Report(family.name, mode)
    turns = [read(message, at, family, report) for at, message in enumerate(messages)]
    if family.calls_need_tools and not tools:
        turns = calls_as_text(turns, report)
    if family.strict_order:
        turns = _without_empty(turns, report)
        turns = _names_into_text(turns, report)
        turns = _system_first(turns, report)
    turns = paired(turns, family, report)
    set_ids(turns, family, report)
    if family.strict_order:
        turns = _alternating(turns, family, report)
    _set_prefix(turns, family, report)
    report.log()
    return [write(turn, family) for turn in turns]


# -- what is said --------------------------------------------------------------------------


def _without_empty(turns: list[Turn], report: Report) -> list[Turn]:
    """Drop assistant and system messages that say nothing; a user's or a tool's silence is kept."""
    kept = []
    for turn in turns:
        if turn.role in ("assistant", "system") and turn.is_empty:
            report.note("empty-message", turn.at)
            continue
        if turn.calls and isinstance(turn.content, str) and not turn.content.strip():
            turn.content = ""  # spaces beside calls count as text: "either content or tool_calls, but not both"
        kept.append(turn)
    return kept


def _names_into_text(turns: list[Turn], report: Report) -> list[Turn]:
    """Drop `name`; where several speak in one role, the name goes in front of what they say.

    A single speaker's name carries nothing the role does not say: agents put their own on every
    answer. A tool's name stays with its call.
    """
    speakers: dict[str, set[str | None]] = {}
    for turn in turns:
        speakers.setdefault(turn.role, set()).add(turn.name)
    for turn in turns:
        if not turn.name or turn.role == "tool":
            continue
        report.note("name", turn.at)
        if len(speakers[turn.role]) > 1 and turn.content:
            turn.content = join(f"{turn.name}: ", turn.content, between="")
        turn.name = None
    return turns


def _system_first(turns: list[Turn], report: Report) -> list[Turn]:
    """All system messages as one, first. The model's own template puts them together in this way.

    https://github.com/mistralai/mistral-common, `_aggregate_system_prompts` in normalize.py: moving
    them does not change what the model reads.
    """
    system: Turn | None = None
    rest: list[Turn] = []
    for turn in turns:
        if turn.role != "system":
            rest.append(turn)
        elif system is None:
            system = turn
            if rest:
                report.note("system-first", turn.at)
        else:
            report.note("system-first" if rest else "same-role", turn.at)
            system.content = join(system.content, turn.content)
    return [system, *rest] if system else rest


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

    @property
    def _last(self) -> str:
        return self.turns[-1].role if self.turns else "system"

    def place(self, turn: Turn) -> None:
        """Add one turn, and what has to stand before it."""
        if turn.role == "user":
            if self._last == "user":
                self._merge(turn, "same-role")
                return
            if self._last == "tool":
                self._report.note("user-after-tool", turn.at)
                self.turns.append(Turn(turn.at, "assistant", UNDERSTOOD))
        elif turn.role == "assistant":
            if turn.calls and turn.content and not self._family.content_with_calls:
                self._split(turn)
                return
            if self._last == "system":
                self._report.note("first-role", turn.at)
                self.turns.append(Turn(turn.at, "user", GO_ON))
            elif self._last == "assistant":
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
        """Text first, then the calls, as the model said them; the user's word keeps the turns."""
        self._report.note("content-and-calls", turn.at)
        self.place(Turn(turn.at, "assistant", turn.content))
        turn.content = ""
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
