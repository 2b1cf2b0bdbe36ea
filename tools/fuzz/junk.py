"""What a fuzzer puts where something sensible was: values, damaged trees, damaged bytes."""

from __future__ import annotations

import random
from typing import Any

Random = random.Random
_DEEP: Any = None
for _ in range(60):
    _DEEP = {"a": [_DEEP]}

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3.7, 1e308, float("inf"), float("nan"), 10**19, 10**400, -(10**25)),
    *(
        "",
        " ",
        "x",
        "stop",
        "error",
        "null",
        "{",
        '{"a": 1}',
        '{"path": "/s',
        "[1, 2",
        "é🐂",
        "\ud800",
        "a\x00b",
        "\u2028",
    ),
    *([], {}, [None], [[]], [{}], {"": None}, {"type": "text"}, [{"type": "text", "text": "t"}], ["a", 1, None]),
    *({"type": "thinking", "thinking": ["x", {}]}, {"text": {"text": 1}}, {"message": {"message": "x"}}, _DEEP),
    *("y" * 3000, "<html><body>no</body></html>", "maximum context length is 7 tokens", "1" * 4400, "-5", "0x10"),
)
_KEYS = (
    *("id", "index", "type", "function", "name", "arguments", "content", "text", "role", "delta", "message", "choices"),
    *("finish_reason", "usage", "error", "detail", "status", "status_message", "logprobs", "tool_calls", "refusal"),
    *("reasoning", "reasoning_content", "object", "loc", "msg", "cost", "prompt_tokens", "total_tokens", "created", ""),
)


def value(rnd: Random) -> Any:
    """Something that does not belong there."""
    return rnd.choice(_VALUES)


def damaged(rnd: Random, tree: Any, depth: int = 0) -> Any:
    """A JSON tree with one change somewhere: a node replaced, dropped, doubled, renamed, moved."""
    if not isinstance(tree, (dict, list)) or not tree or (depth and rnd.random() < 0.15):
        return value(rnd)
    if isinstance(tree, list):
        return _damaged_list(rnd, tree, depth)
    key = rnd.choice(list(tree))
    way = rnd.random()
    if way < 0.7:
        return {**tree, key: damaged(rnd, tree[key], depth + 1)}
    if way < 0.8:
        return {name: node for name, node in tree.items() if name != key}
    return {**tree, rnd.choice(_KEYS): tree[key] if way < 0.9 else value(rnd)}


def _damaged_list(rnd: Random, nodes: list[Any], depth: int) -> list[Any]:
    at = int(rnd.random() * len(nodes))
    way = rnd.random()
    if way < 0.7:
        return [*nodes[:at], damaged(rnd, nodes[at], depth + 1), *nodes[at + 1 :]]
    if way < 0.8:
        return nodes[:at] + nodes[at + 1 :]
    return [*nodes, nodes[at] if way < 0.9 else value(rnd)]


def damaged_bytes(rnd: Random, data: bytes) -> bytes:
    """Bytes cut, with some inserted, changed or doubled."""
    at, way = int(rnd.random() * (len(data) + 1)), rnd.random()
    if way < 0.3:
        return data[:at]
    if way < 0.5:
        return (
            data[:at]
            + rnd.choice((b"\xff", b"\x00", b"\r", b"\n\n", b"{", b"}", b'"', b"\\", b"\xe2\x80", b"["))
            + data[at:]
        )
    if way < 0.8:
        return data[:at] + rnd.randbytes(1) + data[at + 1 :]
    return data[:at] + data[at // 2 :]


def pieces(rnd: Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces, empty ones too."""
    if rnd.random() < 0.3:
        return [data]
    cuts = sorted(int(rnd.random() * (len(data) + 1)) for _ in range(1 + int(rnd.random() * 4)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
