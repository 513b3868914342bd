"""Prices: what nobody knows is refused, and what is known is never too low."""

from decimal import Decimal

import pytest

from adapters.models import prices
from adapters.models.models import Models
from adapters.models.providers import Providers
from contracts.budget import Usage
from contracts.errors import Malformed, Refused, Unknown
from contracts.ports import Model
from contracts.transcript import Price
from policies.spend import SteppedPrice, cost, worst_case

_MODELS: Model = Models(Providers({}))


@pytest.mark.parametrize("name", ["rules", "scripted"])
def test_the_built_in_models_cost_what_the_route_says(name: str) -> None:
    """Built-in models are free, unless a price is declared."""
    declared = Price(input_usd_per_mtok="1", output_usd_per_mtok="2")
    assert _MODELS.price(name, None) == Price(input_usd_per_mtok="0", output_usd_per_mtok="0")
    assert _MODELS.price(name, declared) == declared


@pytest.mark.parametrize(
    "name",
    [
        "openai-chat:my-own-llama",
        "openai:gpt-99",
        "anthropic:claude-haiku-4-5-turbo",  # the table's prefix matches it; its price is anybody's guess
        "bedrock:amazon.nova-lite-v9:0",
        "bedrock:made.up-model-v1:0",
    ],
)
def test_a_model_without_a_known_price_is_refused(name: str) -> None:
    """Unknown models fail closed, also where a name only resembles a known one; a declared price helps."""
    with pytest.raises(Unknown, match="no price is known"):
        _MODELS.price(name, None)
    declared = Price(input_usd_per_mtok="0.1", output_usd_per_mtok="0.2")
    assert _MODELS.price(name, declared) == declared


@pytest.mark.parametrize("name", ["gpt-4o", "", "openai:", "rules:", "mistral:large", "google:gemini"])
def test_an_unknown_model_is_refused_by_name(name: str) -> None:
    """A name that is no model's is refused with a sentence that says which names there are."""
    with pytest.raises(Refused, match="a route can name one of rules, scripted, openai:"):
        _MODELS.price(name, None)


@pytest.mark.parametrize(
    "name",
    [
        "openai:gpt-4o",
        "openai:gpt-4o-mini-2024-07-18",
        "openai-chat:gpt-4.1",
        "anthropic:claude-haiku-4-5",
        "anthropic:claude-haiku-4-5-20251001",
        "bedrock:us.amazon.nova-lite-v1:0",
        "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0",
    ],
)
def test_a_listed_price_covers_the_tables_own_calculation(name: str) -> None:
    """What we settle is never below what genai-prices makes of the same usage, cache reads included."""
    from genai_prices import calc_price
    from genai_prices import types as table

    provider, _, model = name.partition(":")
    usage = table.Usage(input_tokens=150_000, cache_read_tokens=100_000, output_tokens=5_000)
    listed = {"openai": "openai", "openai-chat": "openai", "anthropic": "anthropic", "bedrock": "aws"}[
        provider
    ]
    truth = calc_price(usage, model, provider_id=listed).total_price
    ours = cost(
        Usage(input_tokens=150_000, output_tokens=5_000, cache_read_tokens=100_000),
        _MODELS.price(name, None),
        Decimal(0),
    )
    assert ours >= truth > 0


def test_a_price_with_a_step_counts_from_its_step_on() -> None:
    """A provider that charges long requests more is charged for at the higher price exactly from there."""
    price = _MODELS.price("anthropic:claude-sonnet-4-5", None)
    assert isinstance(price, SteppedPrice)
    below, above = worst_case(price.step_tokens, 0, price), worst_case(price.step_tokens + 1, 0, price)
    assert below == Decimal(price.input_usd_per_mtok) * price.step_tokens / 1_000_000
    assert above > below * Decimal("1.9")


def test_the_route_can_raise_a_listed_price_but_not_lower_it() -> None:
    """Of the table's price and the declared one, the higher counts, each way by itself."""
    listed = prices.price("openai", "gpt-4o", None)
    found = prices.price("openai", "gpt-4o", Price(input_usd_per_mtok="100", output_usd_per_mtok="0"))
    assert found == Price(input_usd_per_mtok="100", output_usd_per_mtok=listed.output_usd_per_mtok)


@pytest.mark.parametrize("name", ["rules", "openai-chat:local", "openai:gpt-4o"])
def test_a_declared_price_that_is_no_amount_is_refused(name: str) -> None:
    """A price that nobody can count with fails closed."""
    with pytest.raises(Malformed):
        _MODELS.price(name, Price(input_usd_per_mtok="free", output_usd_per_mtok="0"))
