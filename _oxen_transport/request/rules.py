"""The rules a conversation is repaired by, each with its source, and which of them ran; shown in `docs/history.md`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, NoReturn

from _oxen_transport.errors import OxenConfigError
from _oxen_transport.types import Message

logger = logging.getLogger("oxen_integrations.history")

Mode = Literal["repair", "strict", "off"]

_VALIDATOR = "https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/validator.py"
_NORMALIZER = "https://github.com/mistralai/mistral-common/blob/main/src/mistral_common/protocol/instruct/normalize.py"
_SCHEMA = "https://github.com/mistralai/platform-docs-public/blob/main/public/openapi.yaml"
_OXEN = "https://docs.oxen.ai/inference-api/reference/chat_completions"
_OPENAI = "https://platform.openai.com/docs/guides/function-calling"
_LITELLM = "https://docs.litellm.ai/docs/providers/anthropic"
_GEMINI = "https://ai.google.dev/api/caching#FunctionResponse"
_MISTRAL_GO = "https://github.com/Gage-Technologies/mistral-go/issues/2"
_CRUSH = "https://github.com/charmbracelet/crush/issues/1590"
_VLLM = "https://github.com/vllm-project/vllm/issues/6862"
_AVANTE = "https://github.com/yetone/avante.nvim/issues/2695"


class Rule(NamedTuple):
    """One thing that a model family refuses: its name, what is wrong, what a caller can do, where it is written."""

    name: str
    refused: str
    advice: str
    source: str


_ALL = (
    Rule("role", "the API knows no such role", "use system, user, assistant or tool", _OXEN),
    Rule("function-call", "`function_call` is OpenAI's old form of a tool call", "use `tool_calls`", _OXEN),
    Rule("content-parts", "content must be text, or parts with known keys only", "send plain text", _SCHEMA),
    Rule("content-missing", "a message without content is refused", 'send "" at least', _OXEN),
    Rule("media", "the model does not read it", "leave it out, or use a model that reads it", _SCHEMA),
    Rule("name", "a message's `name` is an unknown key here (422)", "write the name into the text", _MISTRAL_GO),
    Rule("message-keys", "a key that the schema does not list is refused (422)", "send only documented keys", _CRUSH),
    Rule("function-name", "a function's name is 1 to 64 letters, digits, _ or -", "rename it", _VALIDATOR),
    Rule("call-name", "a tool call without a function name cannot be sent", "drop the call", _VALIDATOR),
    Rule("tool-arguments", "a call's arguments must be the JSON text of an object", "wrap them in an object", _SCHEMA),
    Rule(
        "calls-without-tools",
        "tool calls in the history are refused when the request declares no tools",
        "pass the tools, too",
        _LITELLM,
    ),
    Rule("empty-message", "a message that says nothing and calls nothing is refused", "leave it out", _VALIDATOR),
    Rule("system-first", "a system message may only come first", "put it first", _VALIDATOR),
    Rule("orphan-result", "a tool result needs a call before it", "keep the call with its result", _OPENAI),
    Rule("result-place", "tool results come directly after their calls", "move the result", _VALIDATOR),
    Rule("duplicate-result", "one result per call", "send one result per call", _VALIDATOR),
    Rule("missing-result", "every tool call needs a result", "add a tool message for it", _VALIDATOR),
    Rule("result-name", "a tool result without its tool's name is refused", "give it the name", _GEMINI),
    Rule("tool-id", "a tool call's id must be one this model takes, used once", "use other ids", _VALIDATOR),
    Rule("system-alone", "a conversation needs a user's message", "send it as a user's message", _VALIDATOR),
    Rule("first-role", "after the system message comes the user", "begin with a user's message", _NORMALIZER),
    Rule("same-role", "user and assistant take turns", "join the messages", _VLLM),
    Rule(
        "content-and-calls",
        "an assistant message has text or tool calls, not both",
        "send them as two messages, with a user's message between",
        _VALIDATOR,
    ),
    Rule(
        "user-after-tool",
        "a user's message directly after a tool result is refused (code 3230)",
        "put an assistant message between",
        _AVANTE,
    ),
    Rule("last-assistant", "a last assistant message needs `prefix: true`", "set prefix", _VALIDATOR),
    Rule("prefix", "`prefix` belongs on a last assistant message, where the model has it", "drop it", _VALIDATOR),
    Rule("message-form", "keys that say nothing, or a call without its type", "write it as documented", _OXEN),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in _ALL}
"""Every rule by its name, roughly in the order in which they look at a conversation."""


@dataclass
class Report:
    """Which rules ran, and how often; and the first one, with the message's index."""

    family: str
    ran: dict[str, int] = field(default_factory=dict)
    first: tuple[str, int] | None = None
    changed: bool = False

    def note(self, name: str, at: int) -> None:
        """A rule changes the message at this index."""
        self.first = self.first or (name, at)
        self.ran[name] = self.ran.get(name, 0) + 1

    def note_change(self, before: list[Message], after: list[Message]) -> None:
        """The conversation is not what it was; a change that no rule noted is one of form."""
        self.changed = True
        if not self.ran:
            differ = (at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
            self.note("message-form", next(differ, 0))

    def refuse_changes(self) -> None:
        """For strict mode. Raises: OxenConfigError, if anything was changed."""
        if not self.changed or self.first is None:
            return
        name, at = self.first
        rule = RULES[name]
        raise OxenConfigError(
            f"messages[{at}]: {rule.refused} (rule {name!r} of the {self.family} family): {rule.advice}, "
            f'or let it be repaired with history="repair". Source: {rule.source}'
        )

    def refuse(self, name: str, at: int, what: str) -> NoReturn:
        """Something no rule can repair without losing or inventing content. Raises: OxenConfigError."""
        rule = RULES[name]
        raise OxenConfigError(
            f"messages[{at}]: {what}: {rule.refused} (rule {name!r} of the {self.family} family); {rule.advice}. "
            f"Source: {rule.source}"
        )

    def log(self) -> None:
        """One line at debug level, without any content of the conversation; media left out are a warning."""
        if left_out := self.ran.get("media"):
            logger.warning("%d media parts left out: the %s family does not read them there", left_out, self.family)
        if self.ran and logger.isEnabledFor(logging.DEBUG):
            rules = ", ".join(f"{name} ({count})" for name, count in self.ran.items())
            logger.debug("history repaired for the %s family: %s", self.family, rules)
