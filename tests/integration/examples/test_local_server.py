"""The start page's way without a key: a real model on this machine, whose address stands in a command to copy."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from langchain_oxen import ChatOxen
from tests.integration.examples.running import start

if TYPE_CHECKING:
    from subprocess import Popen


@pytest.mark.timeout(900)  # the weights may have to be fetched
def test_the_address_answers_without_a_key_until_ctrl_c() -> None:
    process: Popen[str]
    with start("local_server") as process:
        try:
            assert process.stdout is not None
            command, _, url = process.stdout.readline().strip().partition("=")
            assert command == "export OXEN_BASE_URL"
            assert ChatOxen(base_url=url, max_tokens=2, temperature=0).invoke("Say: ox").text
        finally:
            process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert "Traceback" not in error
