"""Every file of real bytes in tests/replies, read off a socket: what it must become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from _oxen_transport import async_client_for, client_for, errors
from _oxen_transport.errors import OxenError
from _oxen_transport.settings import OxenSettings
from _oxen_transport.testing import Server
from tests.entry_points import Answer, Transport
from tests.tables import each_row
from tools.support.recorded import REPLIES, recorded

OXEN = "Oxen are strong, calm animals."
PARIS, LONDON = ("get_weather", {"city": "Paris"}), ("get_weather", {"city": "London"})


@dataclass(frozen=True)
class Right:
    """A good answer."""

    text: str = OXEN
    calls: tuple[Any, ...] = ()
    usage: tuple[int, int, int] | None = (14, 9, 23)
    finish: str | None = "stop"


@dataclass(frozen=True)
class Wrong:
    """An error; `says` is in its text, `partial` is what had come."""

    kind: type[OxenError]
    says: str = ""
    partial: str = ""
    type: str | None = None
    code: str | None = None


CREDITS = "You have run out of credits."
NOT_PEG = "The model produced output that does not match the expected peg-native format"


EXPECTED: dict[str, Right | Wrong] = {
    "llama_cpp_text": Right("Paris is the capital of France.", usage=(39, 8, 47)),
    "llama_cpp_json_schema": Right('{\n  "city": "Paris",\n  "population": 2100000\n}', usage=(48, 27, 75)),
    "llama_cpp_logprobs": Right("Hello! How", usage=(30, 3, 33), finish="length"),
    "llama_cpp_tool_call": Right("", (PARIS,), (296, 17, 313), "tool_calls"),
    "llama_cpp_stream": Right("Paris is the capital of France.", usage=None),
    "llama_cpp_stream_usage": Right("zażółć 🐂", usage=(46, 8, 54)),
    "llama_cpp_stream_length": Right("Sure, here are", usage=(35, 4, 39), finish="length"),
    "llama_cpp_stream_logprobs": Right("Hello! How", usage=None, finish="length"),
    "llama_cpp_stream_tool_call": Right("", (PARIS,), (296, 17, 313), "tool_calls"),
    "llama_cpp_stream_error_in_tool_call": Wrong(errors.OxenStreamError, NOT_PEG, type="server_error", code="500"),
    "llama_cpp_error_400": Wrong(errors.OxenBadRequestError, "'messages' to be an array", type="invalid_request_error"),
    "llama_cpp_error_400_n": Wrong(errors.OxenBadRequestError, "Field 'n'"),
    "llama_cpp_error_400_overflow": Wrong(
        errors.OxenContextOverflowError, "18030 tokens", type="exceed_context_size_error"
    ),
    "llama_cpp_error_401": Wrong(errors.OxenAuthenticationError, "Invalid API Key"),
    "llama_cpp_error_404": Wrong(errors.OxenNotFoundError, "File Not Found"),
    "llama_cpp_error_500_image": Wrong(errors.OxenServerError, "image input is not supported"),
    "oxen_text": Right(),
    "oxen_tool_call": Right("", (PARIS,), finish="tool_calls"),
    "oxen_tool_call_nine": Right("", (PARIS,), finish="tool_calls"),
    "oxen_usage_null": Right(usage=None),
    "oxen_usage_cost": Right(usage=(4096, 9, 4105)),
    "oxen_choices_empty": Wrong(errors.OxenResponseError, "no message"),
    "oxen_content_missing": Right(""),
    "oxen_reasoning": Right(),
    "oxen_length": Right("Oxen are", finish="length"),
    "oxen_stream_no_role": Right(usage=None),
    "oxen_stream_keep_alive": Right(usage=None),
    "oxen_stream_crlf": Right(usage=None),
    "oxen_stream_no_space": Right(usage=None),
    "oxen_stream_split_character": Right("Woły są silne 🐂", usage=None),
    "oxen_stream_usage_last": Right(),
    "oxen_stream_no_done": Right(usage=None),
    "oxen_stream_cut": Wrong(errors.OxenTruncatedStreamError, partial="Oxen are strong,"),
    "oxen_stream_tool_call_fragments": Right("", (PARIS,), None, "tool_calls"),
    "oxen_stream_error_inside": Wrong(errors.OxenStreamError, "model provider", "Oxen are strong,", "upstream"),
    "oxen_stream_late_event": Right(usage=None),
    "oxen_stream_answered_whole": Right(),
    "oxen_200_error": Wrong(errors.OxenAPIError, CREDITS),
    "oxen_error_400_detail": Wrong(errors.OxenBadRequestError, "name already taken"),
    "oxen_error_400_no_model": Wrong(errors.OxenBadRequestError, "You must specify a model"),
    "oxen_error_400_params": Wrong(errors.OxenBadRequestError, "temperature must be a number", type="invalid_params"),
    "oxen_error_401": Wrong(errors.OxenAuthenticationError, "You must be authenticated", type="unauthenticated"),
    "oxen_error_401_bare": Wrong(errors.OxenAuthenticationError, "unauthenticated"),
    "oxen_error_401_message": Wrong(errors.OxenAuthenticationError, "Invalid API key"),
    "oxen_error_402": Wrong(errors.OxenPaymentRequiredError, CREDITS, type="insufficient_credits"),
    "oxen_error_403": Wrong(errors.OxenPermissionError, "not allowed"),
    "oxen_error_404": Wrong(errors.OxenNotFoundError, "Model not found: open-mixtral-9x99b"),
    "oxen_error_404_resource": Wrong(errors.OxenNotFoundError, "does not exist", type="resource_not_found"),
    "oxen_error_422": Wrong(errors.OxenBadRequestError, "messages: is invalid"),
    "oxen_error_426": Wrong(errors.OxenUpgradeRequiredError, "Update Required", type="update_required"),
    "oxen_error_429": Wrong(errors.OxenRateLimitError, "Rate limit exceeded"),
    "oxen_error_429_retry_after": Wrong(errors.OxenRateLimitError, "Rate limit exceeded"),
    "oxen_error_500": Wrong(errors.OxenServerError, "unknown error", type="unknown_error"),
    "oxen_error_502_upstream": Wrong(errors.OxenServerError, "request id 3f1c7f6e", type="upstream"),
    "oxen_error_503": Wrong(errors.OxenServerError, "not available"),
    "oxen_error_529": Wrong(errors.OxenServerError, "overloaded"),
    "mistral_tool_call": Right("", (PARIS,), finish="tool_calls"),
    "mistral_model_length": Right("Oxen are", finish="model_length"),
    "mistral_stream_usage_on_finish": Right(),
    "mistral_stream_tool_call_whole": Right("", (PARIS,), (70, 20, 90), "tool_calls"),
    "mistral_stream_two_calls_one_delta": Right("", (PARIS, LONDON), None, "tool_calls"),
    "mistral_stream_two_calls_same_index": Right("", (PARIS, LONDON), None, "tool_calls"),
    "mistral_error_400_order": Wrong(errors.OxenBadRequestError, "Expected last role", code="3230"),
    "mistral_error_400_tool_id": Wrong(errors.OxenBadRequestError, "length of 9", code="3280"),
    "mistral_error_400_model": Wrong(errors.OxenNotFoundError, "Invalid model", type="invalid_model"),
    "mistral_error_400_overflow": Wrong(errors.OxenContextOverflowError, "70123 tokens", code="3051"),
    "mistral_error_401": Wrong(errors.OxenAuthenticationError, "Unauthorized"),
    "mistral_error_401_message": Wrong(errors.OxenAuthenticationError, "Unauthorized"),
    "mistral_error_422_detail": Wrong(errors.OxenBadRequestError, "body.stream_options: Extra inputs"),
    "mistral_error_422_text": Wrong(errors.OxenBadRequestError, "body.temperature: Input should be less"),
    "mistral_error_422_plain": Wrong(errors.OxenBadRequestError, "body.messages.0.name: Extra inputs"),
    "mistral_error_429": Wrong(errors.OxenRateLimitError, "Rate limit exceeded", code="1300"),
    "proxy_error_502_html": Wrong(errors.OxenServerError, "502 Bad Gateway nginx"),
    "proxy_error_500_empty": Wrong(errors.OxenServerError, "no reason given"),
}
CATALOGUE = {"oxen_models", "oxen_model", "oxen_model_404", "llama_cpp_models"}


def test_every_file_is_expected() -> None:
    assert {path.stem for path in REPLIES.glob("*.http")} == set(EXPECTED) | CATALOGUE


@each_row("name", EXPECTED)
def test_reply(name: str, server: Server) -> None:
    """Read by the sync and by the async client."""
    expected = EXPECTED[name]
    for is_async in (False, True):
        api = Transport(is_async=is_async, streams="_stream" in name)
        model = api.make(server.stage(recorded(f"{name}.http")).url, max_retries=0)
        if isinstance(expected, Right):
            is_right(api.ask(model), expected)
        else:
            with pytest.raises(OxenError) as caught:
                api.ask(model)
            is_wrong(caught.value, expected)


def is_right(answer: Answer, expected: Right) -> None:
    calls = tuple(call[1:] for call in answer.tool_calls)
    assert Right(answer.text, calls, answer.usage, answer.finish_reason) == expected
    ids = [call[0] for call in answer.tool_calls]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def is_wrong(error: OxenError, expected: Wrong) -> None:
    assert type(error) is expected.kind
    assert expected.says in str(error)
    assert error.partial_text == expected.partial
    assert expected.type in (None, error.type)
    assert expected.code in (None, error.code)


def ask(server: Server, name: str) -> Any:
    api = Transport(is_async=False, streams="_stream" in name)
    return api.ask(api.make(server.stage(recorded(f"{name}.http")).url, max_retries=0)).raw


def test_small_print_of_some_replies(server: Server) -> None:
    assert ask(server, "oxen_usage_cost").usage.cost == 0.002048
    assert ask(server, "oxen_usage_cost").usage.cached_tokens == 4000
    assert ask(server, "oxen_reasoning").reasoning == "The user asks about oxen."
    assert ask(server, "llama_cpp_text").system_fingerprint == "b0-unknown"
    for name in ("llama_cpp_logprobs", "llama_cpp_stream_logprobs"):
        assert len(ask(server, name).logprobs["content"]) == 3
    assert ask(server, "mistral_tool_call").tool_calls[0].id == "D681PevKs"


@each_row(
    "name, figures",
    [
        ("llama_cpp_error_400_overflow", {"prompt_tokens": 18030, "context_window": 8192}),
        ("mistral_error_400_overflow", {"context_window": 65536}),
        ("oxen_error_429_retry_after", {"retry_after": 17}),
        ("oxen_error_502_upstream", {"request_id": "3f1c7f6e-2b6b-4d0e-8a39-1f0f6f1e2d3c"}),
    ],
)
def test_figures_of_some_errors(server: Server, name: str, figures: dict[str, Any]) -> None:
    with pytest.raises(OxenError) as caught:
        ask(server, name)
    assert {figure: getattr(caught.value, figure) for figure in figures} == figures


async def test_the_catalogue(server: Server) -> None:
    def settings(name: str) -> OxenSettings:
        return OxenSettings(base_url=server.stage(recorded(f"{name}.http")).url)

    listed = settings("oxen_models")
    for models in (client_for(listed).models(), await async_client_for(listed).models()):
        assert [model.id for model in models] == ["open-mixtral-8x22b", "a-picture-model"]
    assert [m.id for m in client_for(settings("llama_cpp_models")).models()] == ["open-mixtral-8x22b"]
    one, missing = settings("oxen_model"), settings("oxen_model_404")
    for model in (client_for(one).model("x"), await async_client_for(one).model("x")):
        assert model.id == "open-mixtral-8x22b"
    with pytest.raises(errors.OxenNotFoundError, match="nowhere"):
        client_for(missing).model("nowhere")
    with pytest.raises(errors.OxenNotFoundError, match="nowhere"):
        await async_client_for(missing).model("nowhere")
