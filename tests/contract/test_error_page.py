"""`docs/errors.md` lists every error, with cause and cure, and says nothing that is not so."""

from __future__ import annotations

import re

from _oxen_transport import errors
from _oxen_transport.retry import AttemptState, is_retryable
from tools.error_page import PAGE, RETRIED, page, tree

CLASSES = [kind for kind, _ in tree()]


def test_the_page_is_what_the_classes_say() -> None:
    assert PAGE.read_text() == page(), "run: python -m tools.error_page"


def test_every_error_is_on_the_page() -> None:
    named = {name for name in dir(errors) if name.startswith("Oxen") and name.endswith("Error")}
    assert {kind.__name__ for kind in CLASSES} == named
    assert set(re.findall(r"^#+ (Oxen\w+)$", PAGE.read_text(), re.M)) == named


def test_what_the_page_says_of_retries_is_so() -> None:
    for kind in set(CLASSES) - {errors.OxenTimeoutError}:
        in_a_stream = issubclass(kind, errors.OxenTruncatedStreamError)
        retried = is_retryable(kind("no"), AttemptState(connected=True, answered=in_a_stream))
        assert retried is (kind.__name__ in RETRIED), kind


def test_the_example_is_what_an_error_says() -> None:
    known = errors.Details(
        model="open-mixtral-8x22b", host="hub.oxen.ai", attempts=3, elapsed=2.4, request_id="7f3a", status_code=429
    )
    assert str(errors.OxenRateLimitError('HTTP 429: "Too many requests"', known)) in PAGE.read_text()
