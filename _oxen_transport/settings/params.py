"""Every parameter of a call, declared once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from _oxen_transport.settings.names import canonical
from _oxen_transport.settings.values import Headers, ModelId, StopTexts

DEFAULT_MODEL = "open-mixtral-8x22b"
LONGEST = 1_000_000.0  # seconds, eleven days: no operating system's clock overflows, and nobody waits longer on purpose

_NONE: Any = None
_empty: Any = dict  # the type that checkers see is that of the argument


class OxenParams(BaseModel):
    """What one call may set. Unset means: not sent, the server decides."""

    # defer_build: the classes on the way to a model's own are never made, and that one when it is first used
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, protected_namespaces=(), defer_build=True)

    model: ModelId = Field(default=DEFAULT_MODEL, description="Id of the model, as `list_models()` shows it.")
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="Randomness, 0 to 2; Mistral's models take at most 1.5."
    )
    max_tokens: Annotated[int, Field(ge=1)] | Literal["fit"] | None = Field(
        default=None,
        description='The most tokens the answer may have; "fit": all that the prompt leaves of the context window.',
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Nucleus sampling: the probability mass that is considered, above 0 to 1."
    )
    frequency_penalty: float | None = Field(
        default=None,
        ge=-2,
        le=2,
        description="Penalty for a token by how often it occurred, -2 to 2. Not every provider accepts it.",
    )
    presence_penalty: float | None = Field(
        default=None,
        ge=-2,
        le=2,
        description="Penalty for a token that occurred at all, -2 to 2. Not every provider accepts it.",
    )
    stop: StopTexts = Field(
        default=_NONE, description="Text or texts that end the answer; the answer does not contain them."
    )
    seed: int | None = Field(
        default=None, ge=0, description="For repeatable answers; sent as `random_seed` to Mistral's models."
    )
    n: int | None = Field(
        default=None, description="Only 1 is accepted: Oxen documents one choice. Use `batch` for more answers."
    )
    logprobs: bool | None = Field(default=None, description="Ask for the log probability of each token.")
    top_logprobs: int | None = Field(default=None, ge=0, le=20, description="How many alternatives per token, 0 to 20.")
    tools: list[dict[str, Any]] | None = Field(
        default=None, description="Tools in OpenAI's function form. An empty list is not sent."
    )
    tool_choice: str | bool | dict[str, Any] | None = Field(
        default=None,
        description='"auto", "none", "required" (also "any" or True), the name of a tool, or OpenAI\'s dict.',
    )
    parallel_tool_calls: bool | None = Field(
        default=None, description="Whether the model may call several tools at once. Sent only together with tools."
    )
    response_format: dict[str, Any] | None = Field(
        default=None,
        description='{"type": "json_object"}, or {"type": "json_schema", ...} where the server supports it.',
    )
    stream_options: dict[str, Any] | None = Field(
        default={"include_usage": True},
        description="Sent with streams only. If a server refuses it, requests to that server go without it.",
    )
    target_namespace: str | None = Field(
        default=None,
        min_length=1,
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


# for this library, or more than a copy into the body
_NOT_COPIED = (
    *("model", "n", "extra_body", "extra_headers", "timeout", "total_timeout", "max_retries", "history"),
    *("check_context", "resume", "auto_continue"),
)
WIRE_NAMES = tuple(name for name in OxenParams.model_fields if name not in _NOT_COPIED)
"""The parameters that go into the request body as they are, under their own name."""
