"""Clients of the providers: one each per process, made when first asked, with no retries of their own."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from contracts.errors import Refused

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

_CONNECT_SECONDS: Final = 10
#: Bedrock's client blocks a thread this long at most, even when the attempt was given up earlier.
_BEDROCK_READ_SECONDS: Final = 120


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a provider is and the key for it. Bedrock takes its credentials from the AWS chain instead."""

    #: None: the provider's own address.
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    #: Of Bedrock: the AWS region.
    region: str | None = None


def endpoints(environ: Mapping[str, str]) -> dict[str, Endpoint]:
    """The endpoints that a process's environment names, by the providers' own variables."""
    return {
        "openai": Endpoint(base_url=environ.get("OPENAI_BASE_URL"), api_key=environ.get("OPENAI_API_KEY")),
        "anthropic": Endpoint(
            base_url=environ.get("ANTHROPIC_BASE_URL"), api_key=environ.get("ANTHROPIC_API_KEY")
        ),
        "bedrock": Endpoint(
            base_url=environ.get("AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
            region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
        ),
    }


@dataclass(frozen=True, kw_only=True)
class Client:
    """A provider's SDK client, and how a model of it is named to pydantic-ai."""

    sdk: Any = field(repr=False)
    model: Callable[[str], "Model"]
    #: On top of what every request sets.
    settings: "ModelSettings"

    async def close(self) -> None:
        closing = self.sdk.close()
        if closing is not None:
            await closing


def build(provider: str, endpoint: Endpoint) -> Client:
    """The client of one of ``BUILDERS``.

    Blocks for a second or two: it loads the provider's SDK.

    Raises:
        Refused: the endpoint lacks a key or a region.
    """
    _quiet()
    return BUILDERS[provider](endpoint)


def _openai_responses(endpoint: Endpoint) -> Client:
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    sdk = _openai_sdk(endpoint)
    source = OpenAIProvider(openai_client=sdk)
    return Client(
        sdk=sdk, model=lambda name: OpenAIResponsesModel(name, provider=source), settings=_openai(endpoint)
    )


def _openai_chat(endpoint: Endpoint) -> Client:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    sdk = _openai_sdk(endpoint)
    source = OpenAIProvider(openai_client=sdk)
    return Client(
        sdk=sdk, model=lambda name: OpenAIChatModel(name, provider=source), settings=_openai(endpoint)
    )


def _openai_sdk(endpoint: Endpoint) -> Any:
    from openai import AsyncOpenAI

    if endpoint.api_key is None and endpoint.base_url is None:
        raise Refused("there is no key for openai: set OPENAI_API_KEY for the agent worker")
    # A local server behind a base URL often takes no key, but the SDK wants one.
    return AsyncOpenAI(api_key=endpoint.api_key or "none", base_url=endpoint.base_url, max_retries=0)


def _openai(endpoint: Endpoint) -> "ModelSettings":
    from pydantic_ai.models.openai import OpenAIResponsesModelSettings

    # Nothing is kept at the provider. The price is the standard tier's, so that tier is asked for, but not of
    # a server that only speaks OpenAI's format and may not know the field.
    if endpoint.base_url is not None:
        return OpenAIResponsesModelSettings(openai_store=False)
    return OpenAIResponsesModelSettings(openai_store=False, service_tier="default")


def _anthropic(endpoint: Endpoint) -> Client:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.settings import ModelSettings

    if endpoint.api_key is None:
        raise Refused("there is no key for anthropic: set ANTHROPIC_API_KEY for the agent worker")
    sdk = AsyncAnthropic(api_key=endpoint.api_key, base_url=endpoint.base_url, max_retries=0)
    source = AnthropicProvider(anthropic_client=sdk)
    return Client(
        sdk=sdk,
        model=lambda name: AnthropicModel(name, provider=source),
        settings=ModelSettings(service_tier="default"),  # the price is the standard tier's
    )


def _bedrock(endpoint: Endpoint) -> Client:
    import boto3
    from botocore.config import Config
    from pydantic_ai.models.bedrock import BedrockConverseModel
    from pydantic_ai.providers.bedrock import BedrockProvider
    from pydantic_ai.settings import ModelSettings

    session = boto3.Session(region_name=endpoint.region)
    if session.region_name is None:
        raise Refused("there is no region for bedrock: set AWS_REGION for the agent worker")
    if session.get_credentials() is None:
        raise Refused("there are no AWS credentials for bedrock: give the agent worker a role or a key")
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_BEDROCK_READ_SECONDS,
        retries={"total_max_attempts": 1},
    )
    sdk = session.client("bedrock-runtime", endpoint_url=endpoint.base_url, config=config)
    source = BedrockProvider(bedrock_client=sdk)
    return Client(
        sdk=sdk, model=lambda name: BedrockConverseModel(name, provider=source), settings=ModelSettings()
    )


BUILDERS: Final[Mapping[str, Callable[[Endpoint], Client]]] = {
    "openai": _openai_responses,
    "openai-responses": _openai_responses,
    "openai-chat": _openai_chat,
    "anthropic": _anthropic,
    "bedrock": _bedrock,
}


def _quiet() -> None:
    # At DEBUG these print whole prompts and, some, authorization headers.
    for name in (
        "openai",
        "anthropic",
        "botocore",
        "boto3",
        "urllib3",
        "httpx",
        "httpcore",
        "httpx2",
        "httpcore2",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
