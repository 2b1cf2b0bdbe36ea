"""What the models can do, where LangChain's middleware looks for it."""

from __future__ import annotations

from langchain_core.language_models.model_profile import ModelProfile

from _oxen_transport.budget import window
from _oxen_transport.models import family


def profile(model: str, context_window: int | None = None) -> ModelProfile | None:
    """The profile of a model, from packaged data; no request is made.

    Args:
        model: The model's id.
        context_window: Tokens it takes in all, where the user knows better.
    """
    known = family(model)
    claims = ModelProfile(
        text_inputs=True,
        text_outputs=True,
        tool_calling=True,
        tool_choice=True,
        tool_call_streaming=True,
        # `create_agent` then asks for a JSON schema; Oxen documents none, but forced tools work
        structured_output=False,
    )
    if known.text_only:
        claims.update({"image_inputs": False, "audio_inputs": False, "video_inputs": False, "pdf_inputs": False})
    if tokens := window(model, context_window):
        claims["max_input_tokens"] = tokens
    return claims
