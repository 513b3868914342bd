"""The models by name: the two built in, and every provider that is known here."""

from adapters.models import prices, scripted
from adapters.models.providers import PROVIDERS, Providers
from adapters.models.rules import play
from contracts.errors import Unknown
from contracts.transcript import ModelRequest, ModelTurn, Price

_BUILT_IN = {"rules": play.ask, "scripted": scripted.ask}


class Models:
    """Implements the port ``Model``."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    async def ask(self, request: ModelRequest) -> ModelTurn:
        """One attempt.

        Raises:
            Unavailable: the provider did not answer; a retry may help.
            Refused: there is no such model, or its provider will not answer this request.
        """
        if request.model in _BUILT_IN:
            return _BUILT_IN[request.model](request)
        provider, model = _split(request.model)
        return await self._providers.ask(provider, model, request)

    def price(self, name: str, declared: Price | None) -> Price:
        """What a model costs; the built-in ones nothing, unless the route declares a price.

        Raises:
            Unknown: there is no such model, or no known price for it.
            Malformed: the declared price is no decimal amount.
        """
        if name in _BUILT_IN:
            return prices.checked(declared or prices.FREE)
        provider, model = _split(name)
        return prices.price(provider, model, declared)


def _split(name: str) -> tuple[str, str]:
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or not model:
        known = ", ".join([*_BUILT_IN, *(f"{provider}:…" for provider in PROVIDERS)])
        raise Unknown(f"there is no model {name[:80]!r}; a route can name one of {known}")
    return provider, model
