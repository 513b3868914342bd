"""What a provider's model costs, from the table that genai-prices ships; what it does not know is refused."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from contracts.errors import Unknown
from contracts.transcript import Price
from policies.spend import SteppedPrice, amount

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

FREE: Final = Price(input_usd_per_mtok="0", output_usd_per_mtok="0")

_TABLES: Final = {
    "openai": "openai",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "bedrock": "aws",
}
#: Kinds of price that a request for text with function tools can meet, or that it never asks for.
_JUDGED: Final = frozenset({
    "input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok",
    "input_audio_mtok", "output_audio_mtok", "cache_audio_read_mtok",
    "input_image_mtok", "output_image_mtok", "cache_image_read_mtok",
    "web_searches_kcount", "storage_searches_kcount",
})  # fmt: skip
#: What may follow a known name and still be the same model at the same price: a date, a first version.
_SAME: Final = re.compile(r"(-latest)?([-@]20\d\d-?\d\d-?\d\d)?(-v1)?(:\d)?")


def price(provider: str, model: str, declared: Price | None) -> Price:
    """The price of a provider's model; of the table and the route's own word, whichever is higher.

    The route's word counts alone where the table has none, as for local models.

    Raises:
        Unknown: neither knows it.
        Malformed: the declared price is no decimal amount.
    """
    listed = _listed(_TABLES[provider], model)
    if listed is None and declared is None:
        raise Unknown(f"no price is known for {provider}:{model[:80]}; declare model.price in the route")
    if declared is None:
        return listed or FREE
    checked(declared)
    return declared if listed is None else _higher(listed, declared)


def checked(declared: Price) -> Price:
    """Raises Malformed when a declared price is no decimal amount."""
    amount(declared.input_usd_per_mtok)
    amount(declared.output_usd_per_mtok)
    return declared


def _listed(table: str, model: str) -> Price | None:
    from genai_prices import data_snapshot  # here: 40 MB that a worker on the rules model does without

    snapshot = data_snapshot.get_snapshot()
    provider = snapshot.find_provider(None, table, None)
    found = provider.find_model(model, all_providers=snapshot.providers)
    if found is None or not _named(found, model.lower()):
        return None
    return _read(found.get_prices(datetime.now(UTC)), caches_unasked="claude" not in found.id)


def _named(found: "ModelInfo", model: str) -> bool:
    """Whether the table names this very model: it matches prefixes too, which a dearer newcomer may share."""
    for text, whole in [(found.id, False), *_texts(found.match)]:
        start = model.find(text.lower()) if text else -1
        if start < 0 or (start > 0 and model[start - 1] not in "./"):
            continue
        rest = model[start + len(text) :]
        if rest == "" or (not whole and _SAME.fullmatch(rest)):
            return True
    return any(re.search(pattern, model) for pattern in _anchored(found.match))


def _texts(clause: Any) -> Iterator[tuple[str, bool]]:
    for inner in getattr(clause, "or_", None) or [clause]:
        for kind in ("equals", "starts_with", "ends_with", "contains"):
            if isinstance(text := getattr(inner, kind, None), str):
                yield text, kind == "equals"


def _anchored(clause: Any) -> Iterator[str]:
    for inner in getattr(clause, "or_", None) or [clause]:
        pattern = getattr(inner, "regex", "")
        if pattern.startswith("^") and pattern.endswith("$"):
            yield pattern


def _read(prices: "ModelPrice", *, caches_unasked: bool) -> Price | None:
    listed = {name: value for name, value in vars(prices).items() if value is not None}
    if not {"input_mtok", "output_mtok"} <= set(listed) or not set(listed) <= _JUDGED:
        return None
    # Claude writes to its cache where a request asks for it, as ours do not; others bill for writes unasked.
    inputs = ["input_mtok", "cache_read_mtok"] + (["cache_write_mtok"] if caches_unasked else [])
    inward = [listed[name] for name in inputs if name in listed]
    outward = [listed["output_mtok"]]
    steps = [tier.start for value in inward + outward for tier in getattr(value, "tiers", ())]
    base = _price(inward, outward, _base)
    if not steps:
        return base
    above = _price(inward, outward, _top)
    return SteppedPrice(
        input_usd_per_mtok=base.input_usd_per_mtok,
        output_usd_per_mtok=base.output_usd_per_mtok,
        step_tokens=min(steps),
        above=above,
    )


def _price(inward: list[Any], outward: list[Any], pick: Any) -> Price:
    return Price(
        input_usd_per_mtok=f"{max(pick(value) for value in inward):f}",
        output_usd_per_mtok=f"{max(pick(value) for value in outward):f}",
    )


def _base(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(value.base)


def _top(value: Any) -> Decimal:
    return (
        value
        if isinstance(value, Decimal)
        else max([Decimal(value.base), *(tier.price for tier in value.tiers)])
    )


def _higher(listed: Price, declared: Price) -> Price:
    plain = Price(
        input_usd_per_mtok=max(listed.input_usd_per_mtok, declared.input_usd_per_mtok, key=amount),
        output_usd_per_mtok=max(listed.output_usd_per_mtok, declared.output_usd_per_mtok, key=amount),
    )
    if not isinstance(listed, SteppedPrice):
        return plain
    return SteppedPrice(
        input_usd_per_mtok=plain.input_usd_per_mtok,
        output_usd_per_mtok=plain.output_usd_per_mtok,
        step_tokens=listed.step_tokens,
        above=_higher(listed.above, declared),
    )
