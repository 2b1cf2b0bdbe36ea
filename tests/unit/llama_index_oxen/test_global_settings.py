"""One helper for `Settings.llm` and the tokenizer of everything that counts."""

from __future__ import annotations

import pytest
from llama_index.core import Settings
from llama_index.core.callbacks import TokenCountingHandler
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.utils import get_tokenizer

from _oxen_transport.request import tokens as budget
from llama_index_oxen import Oxen, OxenConfigError, OxenMissingExtraError, tokenizer, use

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
    monkeypatch.setattr(budget, "_loaded", [None])
    with pytest.raises(OxenMissingExtraError, match=r"oxen-integrations\[tokenizer\]"):
        tokenizer()
    with pytest.warns(UserWarning, match=r"oxen-integrations\[tokenizer\]"):
        use()
