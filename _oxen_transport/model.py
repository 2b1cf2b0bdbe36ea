"""What both model classes have: the catalogue, and an end."""

from __future__ import annotations

from typing import ClassVar, Self

from _oxen_transport import async_client_for, client_for
from _oxen_transport.catalogue import ModelInfo, known
from _oxen_transport.settings import OxenSettings


class OxenModelMixin(OxenSettings):
    """What is served where these settings point. Answers are kept for an hour; `refresh` asks anew."""

    def close(self) -> None:
        """Close the connections of sync calls, also for every other object with the same settings.

        Not needed: what nobody uses any more closes itself. The object stays of use.
        """
        client_for(self).close()

    async def aclose(self) -> None:
        """Close the connections of async calls in this loop."""
        await async_client_for(self).aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def list_models(self, *, refresh: bool = False) -> list[ModelInfo]:
        """Every model of the catalogue, `GET /models`. Raises: OxenError."""
        found = None if refresh else known.all(self.base_url)
        return client_for(self).models() if found is None else found

    async def alist_models(self, *, refresh: bool = False) -> list[ModelInfo]:
        """The same, awaited."""
        found = None if refresh else known.all(self.base_url)
        return await async_client_for(self).models() if found is None else found

    def get_model(self, model: str | None = None, *, refresh: bool = False) -> ModelInfo:
        """One model of the catalogue, by default this object's own.

        Raises:
            OxenNotFoundError: It is not served; the text names the nearest ids.
            OxenError: The catalogue cannot be read.
        """
        name = model or self.model
        found = None if refresh else known.get(self.base_url, name)
        return client_for(self).model(name) if found is None else found

    async def aget_model(self, model: str | None = None, *, refresh: bool = False) -> ModelInfo:
        """The same, awaited."""
        name = model or self.model
        found = None if refresh else known.get(self.base_url, name)
        return await async_client_for(self).model(name) if found is None else found


class OxenCatalogue(OxenModelMixin):
    """The catalogue alone; needs no key.

    Example:
        >>> [model.id for model in OxenCatalogue().list_models() if model.is_chat]  # doctest: +SKIP
    """

    _needs_key: ClassVar[bool] = False
