"""What both model classes have: the catalogue, and an end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar
from urllib.parse import urlencode

from _oxen_transport import async_client_for, client_for
from _oxen_transport.catalogue import ModelInfo, known
from _oxen_transport.settings import OxenSettings

if TYPE_CHECKING:
    from _oxen_transport.async_client import AsyncOxenClient
    from _oxen_transport.client import OxenClient

T = TypeVar("T")


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

    def list_models(self, *, developer: str | None = None, refresh: bool = False) -> list[ModelInfo]:
        """Every model of the catalogue, `GET /models`.

        Args:
            developer: Only models of this developer, such as "Mistral AI"; asked for anew each time.
            refresh: Ask anew, in place of what was read within the last hour.

        Raises:
            OxenError: The catalogue cannot be read.
        """
        if developer is not None:
            return self._ask(lambda client: client.find_models(_by(developer)))
        found = None if refresh else known.all(self)
        return self._ask(lambda client: client.models()) if found is None else found

    async def alist_models(self, *, developer: str | None = None, refresh: bool = False) -> list[ModelInfo]:
        """Async version of `list_models`."""
        if developer is not None:
            return await self._aask(lambda client: client.find_models(_by(developer)))
        found = None if refresh else known.all(self)
        return await self._aask(lambda client: client.models()) if found is None else found

    def search_models(self, text: str) -> list[ModelInfo]:
        """The models that the server's own search finds, `GET /models/search`. Raises: OxenError."""
        return self._ask(lambda client: client.find_models(f"/models/search?{urlencode({'search': text})}"))

    async def asearch_models(self, text: str) -> list[ModelInfo]:
        """Async version of `search_models`."""
        return await self._aask(lambda client: client.find_models(f"/models/search?{urlencode({'search': text})}"))

    def activate(self, model: str | None = None) -> ModelInfo:
        """Start the deployment of a model of your own, by default this object's; it costs money while it runs.

        Returns:
            The model, whose `deployments` say "deploying" or "active". `get_model(refresh=True)` asks again.

        Raises:
            OxenError: The server refuses.
        """
        return self._ask(lambda client: client.change_model(model or self.model, "activate"))

    async def aactivate(self, model: str | None = None) -> ModelInfo:
        """Async version of `activate`."""
        return await self._aask(lambda client: client.change_model(model or self.model, "activate"))

    def deactivate(self, model: str | None = None) -> ModelInfo:
        """Stop the deployment of a model of your own. Raises: OxenError."""
        return self._ask(lambda client: client.change_model(model or self.model, "deactivate"))

    async def adeactivate(self, model: str | None = None) -> ModelInfo:
        """Async version of `deactivate`."""
        return await self._aask(lambda client: client.change_model(model or self.model, "deactivate"))

    def get_model(self, model: str | None = None, *, refresh: bool = False) -> ModelInfo:
        """One model of the catalogue, by default this object's own.

        Raises:
            OxenNotFoundError: It is not served; the text names the nearest ids.
            OxenError: The catalogue cannot be read.
        """
        name = model or self.model
        found = None if refresh else known.get(self, name)
        return self._ask(lambda client: client.model(name)) if found is None else found

    async def aget_model(self, model: str | None = None, *, refresh: bool = False) -> ModelInfo:
        """Async version of `get_model`."""
        name = model or self.model
        found = None if refresh else known.get(self, name)
        return await self._aask(lambda client: client.model(name)) if found is None else found

    # -- how it is asked -----------------------------------------------------------------------

    def _framework_errors(self) -> AbstractContextManager[None]:
        """Turns errors into those of the framework; LangChain has its own."""
        return nullcontext()

    def _ask(self, ask: Callable[[OxenClient], T]) -> T:
        with self._framework_errors():
            return ask(client_for(self))

    async def _aask(self, ask: Callable[[AsyncOxenClient], Awaitable[T]]) -> T:
        with self._framework_errors():
            return await ask(async_client_for(self))


class OxenCatalogue(OxenModelMixin):
    """The catalogue alone; needs no key.

    Example:
        >>> from langchain_oxen import OxenCatalogue
        >>> [model.id for model in OxenCatalogue().list_models() if model.is_chat]  # doctest: +SKIP
    """

    _needs_key: ClassVar[bool] = False


def _by(developer: str) -> str:
    return "/models?" + urlencode({"developer_name": developer})
