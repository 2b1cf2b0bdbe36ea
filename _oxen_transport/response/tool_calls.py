"""Fragments of tool calls, in whatever shape a server writes them -> whole calls.

OpenAI's rule is one line: fragments with the same `index` are one call. Few servers keep to it:

* Mistral and Ollama send whole calls, several of them at index 0
  (https://github.com/ollama/ollama/issues/15457) or without an index
  (https://github.com/ollama/ollama/issues/7881);
* some repeat the id on each fragment (https://github.com/spring-projects/spring-ai/issues/5974), and
  the name; some send the id late, or none, or the same one for two calls;
* some write the arguments as an object, where OpenAI has JSON text.

So neither index nor id is what a call *is*. Each call remembers what the server called it, and a
fragment goes to the call that it can belong to; if it can belong to none, it opens a new one.
"""

from __future__ import annotations

from typing import Any

from _oxen_transport.response.tool_call_arguments import ArgumentsText
from _oxen_transport.response.tool_call_fragments import Fragment, Index, fragments
from _oxen_transport.tools.ids import fresh_id
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap
from _oxen_transport.types import ToolCall, ToolCallDelta


class _Call:
    """A call under assembly: what the server calls it (`wire_*`), and what it is for us."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.wire_index: Index | None = None
        self.wire_id: str | None = None
        self.id: str | None = None
        self.name: str | None = None
        self.named = False  # the name was given out
        self.arguments = ArgumentsText()
        self.named_in = 0  # the delta in which the name was last said
        self.restated = False  # after the arguments were whole, the name was said again, without text

    def may_own(self, new: Fragment) -> bool:
        """Whether a fragment under keys never seen before may be a part of this call.

        An id or an index may come late. A name says that a call begins, unless this one still has
        none, or stops in the middle of its arguments.
        """
        if new.name:
            return not self.name or (new.name == self.name and self.arguments.is_open)
        return not (new.text.strip() and self.arguments.is_closed)

    def ends_before(self, new: Fragment, delta: int) -> bool:
        """Whether a fragment under this call's own keys is nevertheless the start of the next call."""
        if new.name and self.name and new.name != self.name:
            return True
        if new.text.lstrip().startswith(("{", "[", "null")) and self.arguments.is_closed:
            if self._has_both_keys_of(new) and self.arguments.is_placeholder:
                return False
            return bool(new.name) or (self.restated and new.wire_id is None)
        # two entries of one delta, with a name and without an index: twins, unless the first needs more text
        return bool(new.name) and new.wire_index is None and self.named_in == delta and not self.arguments.is_open

    def is_repeated_by(self, new: Fragment) -> bool:
        """Whether the server says a whole call again: same index, id, name and arguments."""
        return (
            self._has_both_keys_of(new)
            and new.name in (None, self.name)
            and self.arguments.equals(new.text)
            and self.arguments.is_closed
        )

    def _has_both_keys_of(self, new: Fragment) -> bool:
        if new.wire_index is None or new.wire_id is None:
            return False
        return new.wire_index == self.wire_index and new.wire_id == self.wire_id


class Assembler:
    """Puts the tool calls of one answer together. Feed it, then read it; it never raises.

    The work per fragment is proportional to the fragment: the text so far is not parsed again.

    Args:
        completion_id: The answer's id, "" if unknown; it may also be set later, before `finish`. Ids
            made here depend on it: two answers of one conversation do not get the same ones.
        tool_name_map: ToolNameMap on the wire -> the tools' own, where they differ.
    """

    def __init__(self, completion_id: str = "", tool_name_map: ToolNameMap = NO_TOOL_NAMES) -> None:
        self.completion_id, self._own_names = completion_id, tool_name_map
        self._calls: list[_Call] = []
        self._ids: set[str] = set()
        self._by_index: dict[Index, _Call] = {}
        self._by_id: dict[tuple[Index | None, str], _Call] = {}
        self._last: _Call | None = None
        self._delta = 0

    def add(self, raw: Any) -> list[ToolCallDelta]:
        """Take the `tool_calls` of one delta, whatever the server wrote there.

        Returns:
            What is new, at most one piece per call: LangChain merges the pieces of two chunks by
            index, those within one chunk never. `id` and `name` come once per call.
        """
        self._delta += 1
        pieces: dict[int, ToolCallDelta] = {}
        for new in fragments(raw):
            call = self._find(new)
            if call is not None and call.is_repeated_by(new):
                continue
            if call is not None and call.ends_before(new, self._delta):
                call = self._open(new.name or call.name)
            elif call is None:
                call = self._open(new.name)
            piece = self._absorb(call, new)
            pieces[call.position] = _sum(pieces.get(call.position), piece)
        return [piece for piece in pieces.values() if piece.id or piece.name or piece.arguments]

    def seal(self) -> None:
        """Say that no later fragment belongs to the calls so far."""
        self._by_index.clear()
        self._by_id.clear()
        self._last = None

    def finish(self) -> list[ToolCallDelta]:
        """Close every call: one that never got an id gets one made from the answer's id and its content."""
        self.seal()
        pieces = []
        for call in self._calls:
            text, made = call.arguments.flush(), None
            if call.id is None:
                made = call.id = self._unused(str(call.position), call.name or "", call.arguments.text())
            if made or text:
                pieces.append(ToolCallDelta(call.position, made, None, text))
        return pieces

    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far, in the order of their first fragments: the sum of all deltas given out.

        Before `finish` an id may still be ""; a name or arguments that never came are "".
        """
        return tuple(ToolCall(call.id or "", self._own(call.name) or "", call.arguments.text()) for call in self._calls)

    def _find(self, new: Fragment) -> _Call | None:
        """The call that this fragment's keys point at; None if they are another call's, not seen yet."""
        index, wire_id, last = new.wire_index, new.wire_id, self._last
        if index is None and wire_id is None:
            return last
        if index is not None and (call := self._by_index.get(index)):
            if wire_id is None or call.wire_id in (None, wire_id):
                return call
            # Mistral: a new id at a used index is a new call. Without a name it cannot begin one
            return self._by_id.get((index, wire_id)) or (None if new.name or not call.may_own(new) else call)
        if wire_id is not None and (call := self._by_id.get((None, wire_id))):
            # the same id at a further index is another call
            return call if index is None or call.wire_index is None else None
        if last is None or (index is not None and last.wire_index is not None):
            return None
        return last if (wire_id is None or last.wire_id is None) and last.may_own(new) else None

    def _open(self, name: str | None) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        call.name = name
        return call

    def _absorb(self, call: _Call, new: Fragment) -> ToolCallDelta:
        """Add a fragment to its call. Returns: what became known by it."""
        self._last = call
        made_id = None
        if new.wire_index is not None:
            self._by_index[new.wire_index] = call
            if call.wire_index is None:
                call.wire_index = new.wire_index
        if new.wire_id is not None:
            if call.wire_id is None:
                call.wire_id = new.wire_id
            if call.id is None:
                made_id = call.id = self._own_id(new.wire_id, call.position)
            self._by_id[None, new.wire_id] = self._by_id[call.wire_index, new.wire_id] = call
        if new.name:
            call.restated = call.arguments.is_closed and not new.text.strip()
            call.named_in = self._delta
            call.name = call.name or new.name
        name = None if call.named else self._own(call.name)
        call.named = call.name is not None
        return ToolCallDelta(call.position, made_id, name, call.arguments.add(new.text))

    def _own(self, name: str | None) -> str | None:
        return name and self._own_names.get(name, name)

    def _own_id(self, wire_id: str, position: int) -> str:
        if wire_id in self._ids:  # two calls under one id: their results could not be told apart
            return self._unused(str(position), wire_id)
        self._ids.add(wire_id)
        return wire_id

    def _unused(self, *seed: str) -> str:
        made = fresh_id(self.completion_id, *seed)
        while made in self._ids:
            made = fresh_id(made)
        self._ids.add(made)
        return made


def _sum(before: ToolCallDelta | None, piece: ToolCallDelta) -> ToolCallDelta:
    if before is None:
        return piece
    arguments = before.arguments + piece.arguments
    return ToolCallDelta(piece.index, before.id or piece.id, before.name or piece.name, arguments)


def calls_from(
    raw_tool_calls: Any, completion_id: str = "", tool_name_map: ToolNameMap = NO_TOOL_NAMES
) -> tuple[ToolCall, ...]:
    """Read the `tool_calls` of a body that was not streamed: each entry is a call of its own."""
    if raw_tool_calls is None:  # most answers
        return ()
    assembler = Assembler(completion_id, tool_name_map)
    for entry in raw_tool_calls if isinstance(raw_tool_calls, (list, tuple)) else [raw_tool_calls]:
        assembler.add([entry])
        assembler.seal()
    assembler.finish()
    return assembler.calls()
