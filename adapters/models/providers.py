"""Models of providers, asked through pydantic-ai: one attempt each, and Temporal alone tries again."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from adapters.models import answers, failures, rendering
from adapters.models.clients import BUILDERS, Client, Endpoint, build
from adapters.models.wire_names import WireNames
from contracts.errors import InterlockError
from contracts.transcript import ModelRequest, ModelTurn, Role

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse

PROVIDERS: Final = tuple(BUILDERS)


class Providers:
    """The providers' clients. Nothing of them is loaded before the first request to one."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        """``endpoints`` by ``openai``, ``anthropic``, ``bedrock``; see ``clients.endpoints``."""
        self._endpoints = dict(endpoints)
        self._clients: dict[str, Client] = {}
        self._building = asyncio.Lock()

    async def ask(self, provider: str, model: str, request: ModelRequest) -> ModelTurn:
        """One attempt.

        Raises:
            Unavailable: the provider did not answer, or not usably; a retry may help.
            Refused: it will not answer this request.
        """
        client = await self._client(provider)
        names = WireNames(_names(request))
        outcome = await _attempt(client, provider, model, request, names)
        if isinstance(outcome, InterlockError):
            raise outcome  # outside the handler, so that no provider's text hangs on it as its context
        if outcome is None:
            return ModelTurn(text="", refused=True)
        return answers.turn(
            outcome, names, step=sum(message.role is Role.ASSISTANT for message in request.messages)
        )

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.close()

    async def _client(self, provider: str) -> Client:
        async with self._building:
            if provider not in self._clients:
                endpoint = self._endpoints.get(provider.partition("-")[0], Endpoint())
                self._clients[provider] = await asyncio.to_thread(build, provider, endpoint)
            return self._clients[provider]


async def _attempt(
    client: Client, provider: str, model: str, request: ModelRequest, names: WireNames
) -> "ModelResponse | InterlockError | None":
    """The response, the error to raise, or None where a content filter let nothing through."""
    from pydantic_ai.direct import model_request
    from pydantic_ai.exceptions import ContentFilterError
    from pydantic_ai.settings import ModelSettings, merge_model_settings

    settings = ModelSettings(max_tokens=request.max_output_tokens, request_timeout=request.timeout)
    if (
        provider != "bedrock"
    ):  # its client has its own limits, and pydantic-ai warns of settings it cannot pass on
        settings = (
            merge_model_settings(settings, ModelSettings(timeout=request.timeout, max_retries=0)) or settings
        )
    try:
        return await model_request(
            client.model(model),
            rendering.messages(request, names),
            model_settings=merge_model_settings(settings, client.settings),
            model_request_parameters=rendering.parameters(request, names),
            instrument=False,
        )
    except ContentFilterError:
        return None
    except Exception as error:  # whatever it is, its text may quote the prompt, and ends up in logs
        return failures.failure(error, provider, model)


def _names(request: ModelRequest) -> set[str]:
    called = {
        call["tool"]
        for message in request.messages
        if message.role is Role.ASSISTANT
        for call in message.body.get("calls") or []
    }
    return called | {tool.name for tool in request.tools}
