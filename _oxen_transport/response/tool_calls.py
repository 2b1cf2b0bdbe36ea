"""Fragments of tool calls, in whatever shape a server writes them -> whole calls.

OpenAI's rule is one line: fragments with the same `index` are one call. Few servers keep to it: Mistral and Ollama
send whole calls, several of them at index 0 (https://github.com/ollama/ollama/issues/15457) or without an index; some
repeat the id on each fragment (https://github.com/spring-projects/spring-ai/issues/5974), send it late, or the same
one for two calls; some write the arguments as an object. So neither index nor id is what a call *is*: each call
remembers what the server called it, and a fragment goes to the call that it can belong to, else it opens a new one.
"""

from __future__ import annotations

from typing import Any

from _oxen_transport.response.tool_call_arguments import ArgumentsText
from _oxen_transport.response.tool_call_fragments import Fragment, Index, fragments
from _oxen_transport.tools.ids import fresh_id
from _oxen_transport.tools.names import NO_TOOL_NAMES, ToolNameMap
from _oxen_transport.types import ToolCall, ToolCallDelta
from _oxen_transport.unicode import SurrogateJoiner


class _Call:
    """A call under assembly: what the server calls it (`server_*`), and what it is for us."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.server_index: Index | None = None
        self.server_id: str | None = None
        self.id: str | None = None
        self.name: str | None = None
        self.named = False  # the name was given out
        self.arguments = ArgumentsText()
        self.named_in = 0  # the delta in which the name last came
        self.joiner = SurrogateJoiner()
        self.extra_content: dict[str, Any] = {}
        self.restated = False  # after the arguments were whole, the name came again, without text

    def may_own(self, new: Fragment) -> bool:
        """Whether a fragment under keys never seen before may be a part of this call.

        An id or an index may come late. A name begins a call, unless this one has none, or stops in its arguments.
        """
        if new.name:
            return not self.name or (new.name == self.name and self.arguments.is_open)
        return not (new.text.strip() and self.arguments.is_closed)

    def ends_before(self, new: Fragment, delta: int) -> bool:
        """Whether a fragment under this call's own keys is nevertheless the start of the next call."""
        if new.name and self.name and new.name != self.name:
            return not self._is_rest_of_name(new, delta)
        if new.text.lstrip().startswith(("{", "[", "null")) and self.arguments.is_closed:
            if self._has_both_keys_of(new) and self.arguments.is_placeholder:
                return False
            return bool(new.name) or (self.restated and new.server_id is None)
        # two entries of one delta, with a name and without an index: two calls, unless the first needs more text
        return bool(new.name) and new.server_index is None and self.named_in == delta and not self.arguments.is_open

    def _is_rest_of_name(self, new: Fragment, delta: int) -> bool:
        """Whether another name is the rest of this call's own: no argument came yet, and the ids do not differ."""
        if not self.arguments.equals(""):
            return False
        if new.server_id is not None:
            return new.server_id == self.server_id
        # without an id: one entry a delta, under one index, and text would be the arguments of a next call
        return new.server_index is not None and not new.text and self.named_in != delta

    def is_repeated_by(self, new: Fragment) -> bool:
        """Whether the server repeats a whole call: same index, id, name and arguments."""
        return (
            self._has_both_keys_of(new)
            and new.name in (None, self.name)
            and self.arguments.equals(new.text)
            and self.arguments.is_closed
        )

    def _has_both_keys_of(self, new: Fragment) -> bool:
        if new.server_index is None or new.server_id is None:
            return False
        return new.server_index == self.server_index and new.server_id == self.server_id


class Assembler:
    """Puts the tool calls of one answer together. Feed it, then read it; nothing raises.

    Ids made here depend on `completion_id` (it may be set later, before `finish`): those of two answers must differ.
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
        """Take the `tool_calls` of one delta, in whatever form. Returns: what is new, one piece per call at most.

        LangChain merges the pieces of two chunks by index, those within one never. `id` comes once per call, and so
        does `name`, unless the server writes it in pieces.
        """
        self._delta += 1
        pieces: dict[int, ToolCallDelta] = {}
        for new in fragments(raw):
            call = self._find(new)
            if call is not None and call.is_repeated_by(new):
                call.extra_content.update(new.extra_content or {})
                continue
            if call is None or call.ends_before(new, self._delta):
                if not any((new.server_id, new.name, new.text)):
                    continue  # a signature of no call
                call = self._open(new.name or (call.name if call else None))
            if new.extra_content:
                call.extra_content.update(new.extra_content)
            piece, before = self._absorb(call, new), pieces.get(call.position)
            pieces[call.position] = piece if before is None else _sum(before, piece)
        return [piece for piece in pieces.values() if piece.id or piece.name or piece.arguments]

    def seal(self) -> None:
        """Declare that no later fragment belongs to the calls so far."""
        self._by_index.clear()
        self._by_id.clear()
        self._last = None

    def finish(self) -> list[ToolCallDelta]:
        """Close every call: one that never got an id gets one made from the answer's id and its content."""
        self.seal()
        pieces = []
        for call in self._calls:
            text, made = call.arguments.flush(), None
            text += call.arguments.add(call.joiner.end())
            if call.id is None:
                made = call.id = self._unused(str(call.position), call.name or "", call.arguments.text())
            if made or text:
                pieces.append(ToolCallDelta(call.position, made, None, text))
        return pieces

    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far, in the order of their first fragments; before `finish` an id may still be ""."""
        return tuple(
            ToolCall(call.id or "", self._own(call.name) or "", call.arguments.text(), call.extra_content or None)
            for call in self._calls
        )

    def _find(self, new: Fragment) -> _Call | None:
        """The call that a fragment belongs to by its keys; None if they are those of a call not seen yet."""
        if new.server_index is not None and new.server_index in self._by_index:
            return self._find_by_index(new, self._by_index[new.server_index])
        if new.server_id is not None and (None, new.server_id) in self._by_id:
            return self._find_by_id(new, self._by_id[None, new.server_id])
        return self._find_by_position(new)

    def _find_by_index(self, new: Fragment, known: _Call) -> _Call | None:
        """The index is known. With Mistral a new id at a used index is a new call, if it has a name."""
        if new.server_id is None or known.server_id in (None, new.server_id):
            return known
        if call := self._by_id.get((new.server_index, new.server_id)):
            return call
        return known if not new.name and known.may_own(new) else None

    def _find_by_id(self, new: Fragment, known: _Call) -> _Call | None:
        """The id is known, the index is not: the same id at a further index is another call."""
        return known if new.server_index is None or known.server_index is None else None

    def _find_by_position(self, new: Fragment) -> _Call | None:
        """Neither is known: it goes on with the last call, unless a key of its own says otherwise."""
        last = self._last
        if last is None or (new.server_index is None and new.server_id is None):
            return last
        other_index = new.server_index is not None and last.server_index is not None
        other_id = new.server_id is not None and last.server_id is not None
        return last if not other_index and not other_id and last.may_own(new) else None

    def _open(self, name: str | None) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        call.name = name
        return call

    def _absorb(self, call: _Call, new: Fragment) -> ToolCallDelta:
        """Add a fragment to its call. Returns: what became known by it."""
        self._last = call
        made_id = None
        if new.server_index is not None:
            self._by_index[new.server_index] = call
            if call.server_index is None:
                call.server_index = new.server_index
        if new.server_id is not None:
            if call.server_id is None:
                call.server_id = new.server_id
            if call.id is None:
                made_id = call.id = self._own_id(new.server_id, call.position)
            self._by_id[None, new.server_id] = self._by_id[call.server_index, new.server_id] = call
        if new.name:
            call.restated = call.arguments.is_closed and not new.text.strip()
            call.named_in = self._delta
        name = self._absorb_name(call, new)
        return ToolCallDelta(call.position, made_id, name, call.arguments.add(call.joiner.feed(new.text)))

    def _absorb_name(self, call: _Call, new: Fragment) -> str | None:
        """Add what a fragment knows of its call's name. Returns: what was not given out yet; a rest as it came."""
        if call.named and new.name and new.name != call.name:
            call.name = f"{call.name}{new.name}"
            return new.name
        call.name = call.name or new.name
        name = None if call.named else self._own(call.name)
        call.named = call.name is not None
        return name

    def _own(self, name: str | None) -> str | None:
        return name and self._own_names.get(name, name)

    def _own_id(self, server_id: str, position: int) -> str:
        if server_id in self._ids:  # two calls under one id: their results could not be told apart
            return self._unused(str(position), server_id)
        self._ids.add(server_id)
        return server_id

    def _unused(self, *seed: str) -> str:
        made = fresh_id(self.completion_id, *seed)
        while made in self._ids:
            made = fresh_id(made)
        self._ids.add(made)
        return made


def _sum(before: ToolCallDelta, piece: ToolCallDelta) -> ToolCallDelta:
    arguments = before.arguments + piece.arguments
    name = (before.name or "") + (piece.name or "") or None
    return ToolCallDelta(piece.index, before.id or piece.id, name, arguments)


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
