"""What the models can do, where LangChain's middleware looks for it."""

from __future__ import annotations

from langchain_core.language_models.model_profile import ModelProfile

from _oxen_transport.catalogue import window_of
from _oxen_transport.families import family
from _oxen_transport.settings import OxenSettings


def profile(settings: OxenSettings) -> ModelProfile:
    """The profile of a model object's model, from packaged data and what is known of the catalogue.

    No request is made.
    """
    known = family(settings.model)
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
    if tokens := window_of(settings):
        claims["max_input_tokens"] = tokens
    return claims
