"""An object's life: copies and dumps, secrets, event loops and threads."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import pickle
import sys
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.async_utils import asyncio_run
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler

from llama_index_oxen.testing.conformance.base import KEY, METHODS, QUESTION, LLMTests, ask, text_of, user
from llama_index_oxen.testing.conformance.server import Reply
from llama_index_oxen.testing.conformance.wire import TEXT, answer


class SerializationTests(LLMTests):
    """Dumps and copies that still answer."""

    @pytest.fixture(autouse=True)
    def _key_outside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A copy without the key may look for it where users keep it."""
        for name in self.key_variables:
            monkeypatch.setenv(name, KEY)

    def test_a_dictionary_and_back(self) -> None:
        llm, stage = self.llm(answer(), temperature=0.25)
        again = self.llm_class.from_dict(json.loads(json.dumps(llm.to_dict())))
        assert again.temperature == 0.25  # type: ignore[attr-defined]
        assert again.complete(QUESTION).text == TEXT
        assert len(stage.requests) == 1

    @pytest.mark.parametrize("after_use", [False, True], ids=["new", "used"])
    def test_a_pickle_and_back(self, after_use: bool) -> None:
        llm, _ = self.llm(answer(), temperature=0.25)
        if after_use:
            ask(llm, "chat")
            ask(llm, "achat")
        again = pickle.loads(pickle.dumps(llm))  # noqa: S301 - our own bytes
        assert again.temperature == 0.25
        assert [text_of(ask(again, method)[-1]) for method in ("chat", "achat")] == [TEXT, TEXT]

    @pytest.mark.parametrize("after_use", [False, True], ids=["new", "used"])
    def test_a_deep_copy(self, after_use: bool) -> None:
        llm, _ = self.llm(answer())
        if after_use:
            ask(llm, "chat")
            ask(llm, "achat")
        again = copy.deepcopy(llm)
        again.temperature = 0.75
        assert llm.temperature != 0.75
        assert [text_of(ask(again, method)[-1]) for method in ("chat", "achat")] == [TEXT, TEXT]

    def test_pickling_leaves_the_object_alone(self) -> None:
        llm, _ = self.llm(answer())
        ask(llm, "chat")
        pickle.dumps(llm)
        assert text_of(ask(llm, "chat")[-1]) == TEXT

    def test_the_type_has_a_name_of_its_own(self) -> None:
        llm, _ = self.llm(answer())
        assert llm.to_dict()["class_name"] == llm.class_name() != "base_component"


class SecretTests(LLMTests):
    """The key is in the request's head, and nowhere else."""

    def test_the_server_gets_the_key(self) -> None:
        llm, stage = self.llm(answer())
        ask(llm, "chat")
        assert stage.requests[0].headers["authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("place", ["to_dict", "model_dump", "to_json", "repr", "str", "pickle", "to_payload"])
    def test_no_dump_holds_it(self, place: str) -> None:
        llm, _ = self.llm(answer())
        ask(llm, "chat")
        made = {
            "to_dict": lambda: str(llm.to_dict()),
            "model_dump": lambda: str(llm.model_dump()),
            "to_json": llm.to_json,
            "repr": lambda: repr(llm),
            "str": lambda: str(llm),
            "pickle": lambda: repr(pickle.dumps(llm)),
            "to_payload": lambda: str(llm.to_payload()),
        }
        assert KEY not in made[place]()

    def test_no_event_and_no_callback_holds_it(self, events: list[Any]) -> None:
        debug = LlamaDebugHandler(print_trace_on_end=False)
        llm, _ = self.llm(answer())
        llm.callback_manager = CallbackManager([debug])
        for method in METHODS:
            ask(llm, method)
        seen = [repr(event) for event in events] + [repr(pair) for pair in debug.get_llm_inputs_outputs()]
        assert len(seen) >= 16
        assert not [text for text in seen if KEY in text]

    @pytest.mark.parametrize("method", ["chat", "achat"])
    def test_no_error_holds_it(self, method: str) -> None:
        llm, _ = self.llm(Reply({"error": {"message": "Incorrect API key provided"}}, status=401))
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each package has its own
            ask(llm, method)
        error = caught.value
        assert KEY not in f"{error!s} {error!r} {vars(error)}"
        own = [line for line in traceback.format_exception(error) if KEY in line]
        assert not own


class LoopTests(LLMTests):
    """Event loops come and go; threads share the object."""

    def test_fifty_loops_in_a_row(self) -> None:
        llm, stage = self.llm(answer())
        for _ in range(50):
            assert asyncio.run(llm.achat([user(QUESTION)])).message.content == TEXT
        assert len(stage.requests) == 50

    def test_a_stream_in_each_of_many_loops(self) -> None:
        llm, stage = self.llm(answer())
        for _ in range(20):
            assert text_of(ask(llm, "astream_chat")[-1]) == TEXT
        assert len(stage.requests) == 20

    def test_a_loop_within_a_loop(self) -> None:
        """What core's own sync wrappers do when they are called in a notebook."""
        llm, _ = self.llm(answer())

        async def outer() -> list[str]:
            first = text_of(await llm.achat([user(QUESTION)]))
            second = text_of(asyncio_run(llm.achat([user(QUESTION)])))
            third = text_of(await llm.achat([user(QUESTION)]))
            return [first, second, third]

        assert asyncio.run(outer()) == [TEXT] * 3

    def test_a_sync_call_within_a_loop(self) -> None:
        llm, _ = self.llm(answer())

        async def outer() -> str:
            return text_of(llm.chat([user(QUESTION)]))

        assert asyncio.run(outer()) == TEXT

    def test_eight_threads_and_their_loops(self) -> None:
        llm, stage = self.llm(answer())

        def work(number: int) -> list[str]:
            method = METHODS[number % len(METHODS)]
            return [text_of(ask(llm, method)[-1]) for _ in range(5)]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == [[TEXT] * 5] * 8
        assert len(stage.requests) == 40

    def test_nothing_complains_when_it_goes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No socket left open, no coroutine never awaited, no error in a destructor."""
        gc.collect()  # what earlier tests left
        complaints: list[str] = []
        monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: complaints.append(repr(unraisable)))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            llm, _ = self.llm(answer())
            ask(llm, "chat")
            ask(llm, "achat")
            ask(llm, "astream_chat")
            del llm
            gc.collect()
        complaints += [
            str(one.message) for one in caught if issubclass(one.category, (ResourceWarning, RuntimeWarning))
        ]
        assert complaints == []
