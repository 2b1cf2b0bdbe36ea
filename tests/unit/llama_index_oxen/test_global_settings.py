"""One helper for `Settings.llm` and the tokenizer of everything that counts."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from llama_index.core import Settings
from llama_index.core.callbacks import TokenCountingHandler
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.utils import get_tokenizer

from _oxen_transport.request import tokenizer as tokenizer_module
from _oxen_transport.request import tokens as budget
from llama_index_oxen import Oxen, OxenConfigError, OxenMissingExtraError, tokenizer, use
from tests.tables import each_row

TEXT = "Oxen pull in pairs; żółć, 忠实, def f(x): return {'a': [1, 2, 3]}"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OXEN_API_KEY", "sk-test-1")


def test_one_call_sets_the_model_and_its_tokenizer():
    llm = use(temperature=0.25)
    assert Settings.llm is llm
    assert llm.temperature == 0.25
    assert len(get_tokenizer()(TEXT)) == budget.count_text(TEXT, llm.model).tokens
    assert budget.count_text(TEXT, llm.model).exact


def test_everything_that_counts_counts_with_it():
    use()
    exact = budget.count_text(TEXT, "open-mixtral-8x22b").tokens
    assert TokenCountingHandler().tokenizer(TEXT) == tokenizer()(TEXT)
    assert SentenceSplitter()._token_size(TEXT) == exact
    assert len(ChatMemoryBuffer.from_defaults(llm=Settings.llm).tokenizer_fn(TEXT)) == exact


def test_a_model_that_is_there_already():
    llm = Oxen(model="open-mixtral-8x22b")
    assert use(llm) is llm is Settings.llm
    with pytest.raises(OxenConfigError, match="not both"):
        use(llm, temperature=1)


def test_a_model_whose_tokenizer_nobody_knows_warns_and_works():
    before = get_tokenizer()
    with pytest.warns(UserWarning, match="no tokenizer is packaged"):
        llm = use(model="some/other-model")
    assert Settings.llm is llm
    assert get_tokenizer() is before
    with pytest.raises(OxenConfigError, match="no tokenizer"):
        tokenizer("some/other-model")


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(tokenizer_module, "_loaded", [None])
    with pytest.raises(OxenMissingExtraError, match=r"oxen-integrations\[tokenizer\]"):
        tokenizer()
    with pytest.warns(UserWarning, match=r"oxen-integrations\[tokenizer\]"):
        use()


@each_row("touched", ["num_output", "context_window", "chunk_size"])
def test_what_was_made_before_counts_with_it_too(touched, monkeypatch):
    for name in ("_prompt_helper", "_chat_prompt_helper", "_node_parser", "_llm"):
        monkeypatch.setattr(Settings, name, None)
    Settings.tokenizer = str.split
    setattr(Settings, touched, 512)
    llm = use()
    if touched == "chunk_size":
        assert Settings.node_parser._token_size(TEXT) == len(tokenizer()(TEXT))
        assert Settings.chunk_size == 512
        return
    helper = Settings.prompt_helper
    assert helper._token_counter.get_string_tokens(TEXT) == len(tokenizer()(TEXT))
    assert getattr(helper, touched) == 512
    window = 512 if touched == "context_window" else llm.metadata.context_window
    assert helper.context_window == window


NUMBERS = "1234567890 " * 5  # one token for each digit; GPT's tokenizer takes three at once


def test_a_worker_counts_with_it():
    use()
    count = "from llama_index.core.utils import get_tokenizer; print(len(get_tokenizer()({text!r})))"
    script = f"import pickle, sys; pickle.load(sys.stdin.buffer); {count.format(text=NUMBERS)}"
    splitter = pickle.dumps(SentenceSplitter())
    run = subprocess.run([sys.executable, "-c", script], input=splitter, capture_output=True, check=True)  # noqa: S603
    assert int(run.stdout) == len(tokenizer()(NUMBERS))
    assert pickle.loads(splitter)._token_size(NUMBERS) == int(run.stdout)  # noqa: S301 - our own bytes
