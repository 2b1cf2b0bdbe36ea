"""The catalogue, as the model picker shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_oxen import ChatOxen, ModelInfo, OxenCatalogue, OxenError

if TYPE_CHECKING:
    from collections.abc import Mapping


async def catalogue(connection: dict[str, Any]) -> tuple[dict[str, ModelInfo], OxenError | None]:
    """Every chat model that is served, by its id; and why there is none."""
    try:
        async with OxenCatalogue(**connection, timeout=20, max_retries=1) as served:
            return {model.id: model for model in await served.alist_models() if model.is_chat}, None
    except OxenError as error:
        return {}, error


def options(models: Mapping[str, ModelInfo], chosen: str) -> dict[str, str]:
    """Id -> what the picker shows and searches; the chosen one is among them, listed or not."""
    found = {name: " · ".join([name, *_facts(info)]) for name, info in sorted(models.items())}
    return found if chosen in found else {chosen: f"{chosen} · not in the catalogue" if models else chosen, **found}


def summary(info: ModelInfo | None) -> str:
    """One line below the picker."""
    return " · ".join(_facts(info)) if info else ""


def accepted_files(info: ModelInfo) -> list[str]:
    """What an upload may be, as browsers write it; a model that does not say takes both, unless it reads text only."""
    kinds = {"image": "image/*", "file": ".pdf", "pdf": ".pdf"}
    if info.input_types:
        named = [kinds[kind.removesuffix("s")] for kind in info.input_types if kind.removesuffix("s") in kinds]
        return sorted(set(named))
    profile = ChatOxen(model=info.id, api_key="none", base_url="http://127.0.0.1").profile or {}
    return [] if profile.get("image_inputs") is False else ["image/*", ".pdf"]


def _facts(info: ModelInfo) -> list[str]:
    facts = [info.display_name] if info.display_name and info.display_name != info.id else []
    facts += [f"{info.context_length:,} tokens"] if info.context_length else []
    if info.input_cost_per_token is not None and info.output_cost_per_token is not None:
        million = (info.input_cost_per_token * 1e6, info.output_cost_per_token * 1e6)
        facts.append(f"${million[0]:.2f} in, ${million[1]:.2f} out per million tokens")
    if info.input_types or info.output_types:
        facts.append(f"{', '.join(info.input_types) or '?'} → {', '.join(info.output_types) or '?'}")
    return [*facts, "deprecated"] if info.deprecated else facts
