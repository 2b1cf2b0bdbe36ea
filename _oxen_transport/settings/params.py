"""Every parameter of a call, declared once; one that goes into the request body as it is carries its `wire` name."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from _oxen_transport.settings.names import canonical
from _oxen_transport.settings.values import Headers, ModelId, StopTexts

DEFAULT_MODEL = "open-mixtral-8x22b"
LONGEST = 1_000_000.0
"""Seconds, eleven days: no operating system's clock overflows, and nobody waits longer on purpose."""

_NONE: Any = None
_empty: Any = dict  # the type that checkers see is that of the argument


def _wire(name: str) -> dict[str, Any]:
    """Mark a field as one that goes into the request body under this name."""
    return {"wire": name}


class OxenParams(BaseModel):
    """What one call may set. Unset means: not sent, the server decides."""

    # defer_build: the classes on the way to a model's own are never made, and that one when it is first used
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, protected_namespaces=(), defer_build=True)

    model: ModelId = Field(default=DEFAULT_MODEL, description="Id of the model, as `list_models()` shows it.")
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        json_schema_extra=_wire("temperature"),
        description="Randomness, 0 to 2; Mistral's models take at most 1.5.",
    )
    max_tokens: Annotated[int, Field(ge=1)] | Literal["fit"] | None = Field(
        default=None,
        json_schema_extra=_wire("max_tokens"),
        description='The most tokens the answer may have; "fit": all that the prompt leaves of the context window.',
    )
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        json_schema_extra=_wire("top_p"),
        description="Nucleus sampling: the probability mass that is considered, above 0 to 1.",
    )
    frequency_penalty: float | None = Field(
        default=None,
        ge=-2,
        le=2,
        json_schema_extra=_wire("frequency_penalty"),
        description="Penalty for a token by how often it occurred, -2 to 2. Not every provider accepts it.",
    )
    presence_penalty: float | None = Field(
        default=None,
        ge=-2,
        le=2,
        json_schema_extra=_wire("presence_penalty"),
        description="Penalty for a token that occurred at all, -2 to 2. Not every provider accepts it.",
    )
    stop: StopTexts = Field(
        default=_NONE,
        json_schema_extra=_wire("stop"),
        description="Text or texts that end the answer; the answer does not contain them.",
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        json_schema_extra=_wire("seed"),
        description="For repeatable answers; sent as `random_seed` to Mistral's models.",
    )
    n: int | None = Field(
        default=None, description="Only 1 is accepted: Oxen documents one choice. Use `batch` for more answers."
    )
    logprobs: bool | None = Field(
        default=None, json_schema_extra=_wire("logprobs"), description="Ask for the log probability of each token."
    )
    top_logprobs: int | None = Field(
        default=None,
        ge=0,
        le=20,
        json_schema_extra=_wire("top_logprobs"),
        description="How many alternatives per token, 0 to 20.",
    )
    tools: list[dict[str, Any]] | None = Field(
        default=None,
        json_schema_extra=_wire("tools"),
        description="Tools in OpenAI's function form. An empty list is not sent.",
    )
    tool_choice: str | bool | dict[str, Any] | None = Field(
        default=None,
        json_schema_extra=_wire("tool_choice"),
        description='"auto", "none", "required" (also "any" or True), the name of a tool, or OpenAI\'s dict.',
    )
    parallel_tool_calls: bool | None = Field(
        default=None,
        json_schema_extra=_wire("parallel_tool_calls"),
        description="Whether the model may call several tools at once. Sent only together with tools.",
    )
    response_format: dict[str, Any] | None = Field(
        default=None,
        json_schema_extra=_wire("response_format"),
        description='{"type": "json_object"}, or {"type": "json_schema", ...} where the server supports it.',
    )
    stream_options: dict[str, Any] | None = Field(
        default={"include_usage": True},
        json_schema_extra=_wire("stream_options"),
        description="Sent with streams only. If a server refuses it, requests to that server go without it.",
    )
    target_namespace: str | None = Field(
        default=None,
        min_length=1,
        json_schema_extra=_wire("target_namespace"),
        description="The user or organisation that pays for the call. Default: whose key it is. Oxen documents it "
        "for several endpoints, and leaves open whether chat is one of them.",
    )
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Further fields of the request body, sent as they are."
    )
    extra_headers: Headers = Field(
        default_factory=_empty,
        exclude=True,
        description="Further request headers; their values are treated as secrets.",
    )
    timeout: float = Field(
        default=120.0,
        gt=0,
        le=LONGEST,
        description="Seconds of silence, by the wall clock, after which an attempt ends; it starts anew with each "
        "event of a stream. For a limit on the whole call see total_timeout.",
    )
    total_timeout: float | None = Field(
        default=None,
        gt=0,
        le=LONGEST,
        description="Seconds for the whole call with all its retries and the whole stream. None: no limit.",
    )
    max_retries: int = Field(
        default=2,
        ge=0,
        description="Further attempts after the first, for retryable failures; never after an answer has begun.",
    )
    history: Literal["repair", "strict", "off"] = Field(
        default="repair",
        description="What happens to a conversation that the model family would refuse: it is repaired without "
        "losing text, refused before it is sent, or sent as it is.",
    )
    check_context: bool = Field(
        default=False,
        description="Count the prompt before it is sent, and refuse one that does not fit the context window.",
    )
    resume: bool = Field(
        default=False,
        description="Continue a stream that was cut from the text so far, within max_retries; for models that can "
        "continue their own text (Mistral's `prefix`).",
    )
    auto_continue: bool = Field(
        default=False,
        description='Continue when an answer ends for its length (finish_reason="length"), at most eight times.',
    )

    @model_validator(mode="before")
    @classmethod
    def _canonical_names(cls, given: Any) -> Any:
        return canonical(given) if isinstance(given, dict) else given

    @field_validator("n")
    @classmethod
    def _one_choice(cls, value: int | None) -> int | None:
        if value not in (None, 1):
            raise ValueError("Oxen serves one choice per request; call `batch` with the prompt repeated instead")
        return None


@cache
def wire_names(settings: type[OxenParams]) -> dict[str, str]:
    """Field name -> name in the request body, for the fields that go there as they are."""
    return {
        name: info.json_schema_extra["wire"]  # type: ignore[misc]
        for name, info in settings.model_fields.items()
        if isinstance(info.json_schema_extra, dict) and "wire" in info.json_schema_extra
    }
