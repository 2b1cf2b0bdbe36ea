"""Mixtral's tokenizer, loaded once per process and never inside an event loop."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from typing import TYPE_CHECKING, Any

from _oxen_transport.families import Family
from _oxen_transport.unicode import valid_text

if TYPE_CHECKING:
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    Tokenizer = MistralTokenizer[Any, Any, Any, Any, Any]

_HELLO = {"messages": [{"role": "user", "content": "x"}]}
_locks: dict[int, threading.Lock] = {}  # by process: one that is held while a process forks stays held in its child
_loaded: list[Tokenizer | None] = []


def tokenizer_of(known: Family) -> Tokenizer | None:
    """Mixtral's tokenizer, loaded once per process (0.6 s with its imports); None without the extra.

    Inside an event loop, where servers such as langgraph-api forbid file access, another thread reads the files.
    """
    if known.tokenizer != "mistral-v3":
        return None
    if not _loaded:
        if _in_event_loop():
            done: queue.SimpleQueue[bool] = queue.SimpleQueue()
            threading.Thread(target=lambda: done.put(_load()), daemon=True).start()
            done.get()
        else:
            _load()
    return _loaded[0]


def _load() -> bool:
    """Load the tokenizer, unless it is. Returns: whether there is one."""
    with _locks.setdefault(os.getpid(), threading.Lock()):
        if _loaded:
            return _loaded[0] is not None
        try:
            from mistral_common.exceptions import MistralCommonException  # noqa: F401, PLC0415 - an extra
            from mistral_common.protocol.instruct.request import ChatCompletionRequest  # noqa: PLC0415
            from mistral_common.tokens.tokenizers.instruct import InstructTokenizerV3  # noqa: PLC0415
            from mistral_common.tokens.tokenizers.mistral import MistralTokenizer  # noqa: PLC0415

            class Counter(InstructTokenizerV3):  # type: ignore[type-arg]
                """Up to mistral-common 1.12 each count also makes the prompt's text, which takes half of its time."""

                def decode(self, *args: Any, **kwargs: Any) -> str:
                    return ""

            tokenizer: Tokenizer = MistralTokenizer.v3()
            tokenizer.instruct_tokenizer = Counter(tokenizer.instruct_tokenizer.tokenizer)
            # counted once: what the library imports and reads only then is read now
            hello: ChatCompletionRequest[Any] = ChatCompletionRequest.model_validate(_HELLO)
            tokenizer.encode_chat_completion(hello)
            _loaded.append(tokenizer)
        except ImportError:  # the package, or its sentencepiece
            _loaded.append(None)
        return _loaded[0] is not None


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.instruct_tokenizer.tokenizer.encode(valid_text(text), bos=False, eos=False))
