"""Dollars: exact, never below the truth, never across the ceiling."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.budget import Usage
from contracts.errors import Malformed
from contracts.transcript import Message, ModelRequest, Price, Role, ToolSchema
from policies.spend import SteppedPrice, amount, cost, fits, request_bytes, worst_case

_TOKENS = st.integers(min_value=0, max_value=10**9)
_DOLLARS = st.decimals(min_value=0, max_value=10_000, places=6).map(lambda value: f"{value:f}")
_PLAIN = st.builds(lambda i, o: Price(input_usd_per_mtok=i, output_usd_per_mtok=o), _DOLLARS, _DOLLARS)


def _stepped(plain: Price, more: tuple[Decimal, Decimal], step: int) -> SteppedPrice:
    above = Price(
        input_usd_per_mtok=f"{Decimal(plain.input_usd_per_mtok) + more[0]:f}",
        output_usd_per_mtok=f"{Decimal(plain.output_usd_per_mtok) + more[1]:f}",
    )
    return SteppedPrice(
        input_usd_per_mtok=plain.input_usd_per_mtok,
        output_usd_per_mtok=plain.output_usd_per_mtok,
        step_tokens=step,
        above=above,
    )


_MORE = st.decimals(min_value=0, max_value=100, places=4)
_PRICES = st.one_of(_PLAIN, st.builds(_stepped, _PLAIN, st.tuples(_MORE, _MORE), st.integers(0, 10**6)))


@given(price=_PRICES, size=_TOKENS, most=_TOKENS, data=st.data())
def test_no_report_within_its_bounds_costs_more_than_was_reserved(
    price: Price, size: int, most: int, data: st.DataObject
) -> None:
    """What fits when reserved fits when settled: no settlement within bounds crosses the ceiling."""
    worst = worst_case(size, most, price)
    used = data.draw(st.integers(0, size))
    usage = Usage(
        input_tokens=used,
        output_tokens=data.draw(st.integers(0, most)),
        cache_read_tokens=data.draw(st.integers(0, used)),
    )
    spent, budget = data.draw(_DOLLARS), data.draw(_DOLLARS)
    settled = cost(usage, price, worst)
    assert 0 <= settled <= worst
    if fits(budget, Decimal(spent), Decimal(0), worst):
        assert Decimal(spent) + settled <= Decimal(budget)


@given(price=_PLAIN, used=_TOKENS, said=_TOKENS)
def test_a_cost_is_exact(price: Price, used: int, said: int) -> None:
    """A settled cost is the very sum of tokens and prices, whatever precision the process calculates in."""
    exact = Fraction(price.input_usd_per_mtok) * used + Fraction(price.output_usd_per_mtok) * said
    with localcontext() as context:
        context.prec = 3
        found = cost(Usage(input_tokens=used, output_tokens=said), price, Decimal(0))
    assert Fraction(found) == exact / 1_000_000


@given(price=_PRICES, size=_TOKENS, most=_TOKENS, more=st.integers(0, 10**6))
def test_the_worst_case_grows_with_the_request(price: Price, size: int, most: int, more: int) -> None:
    """A longer request, or a longer answer allowed, is never cheaper at worst."""
    assert worst_case(size + more, most, price) >= worst_case(size, most, price)
    assert worst_case(size, most + more, price) >= worst_case(size, most, price)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        Usage(input_tokens=-1, output_tokens=0),
        Usage(input_tokens=0, output_tokens=-5),
        Usage(input_tokens=1, output_tokens=1, cache_read_tokens=-1),
    ],
)
def test_an_attempt_without_a_usable_report_is_charged_in_full(usage: Usage | None) -> None:
    """No report, or an impossible one, costs the worst case."""
    price = Price(input_usd_per_mtok="3", output_usd_per_mtok="15")
    assert cost(usage, price, Decimal("0.042")) == Decimal("0.042")


def test_a_report_beyond_the_bounds_is_charged_as_reported() -> None:
    """The truth is charged even where it is more than was reserved."""
    price = Price(input_usd_per_mtok="1", output_usd_per_mtok="1")
    assert cost(Usage(input_tokens=2_000_000, output_tokens=0), price, Decimal("0.5")) == Decimal(2)


def test_cached_tokens_are_never_free() -> None:
    """A report whose input does not count its cached tokens is charged for them all the same."""
    price = Price(input_usd_per_mtok="1", output_usd_per_mtok="0")
    usage = Usage(input_tokens=10, output_tokens=0, cache_read_tokens=900_000, cache_write_tokens=100_000)
    assert cost(usage, price, Decimal(9)) == Decimal(1)


def test_what_is_reserved_for_others_counts() -> None:
    """An attempt starts only if it fits beside what is spent and what is held, to the last digit."""
    assert fits("1.00", Decimal("0.5"), Decimal("0.3"), Decimal("0.2"))
    assert not fits("1.00", Decimal("0.5"), Decimal("0.3"), Decimal("0.20000000000000000000000000000001"))


@pytest.mark.parametrize(
    "text", ["", "NaN", "Infinity", "-1", "-0.01", "one", "1e99", "1." + "0" * 40, "1_0.5.1"]
)
def test_an_amount_that_is_none_is_refused(text: str) -> None:
    """Only finite decimal dollars from zero up count as an amount."""
    with pytest.raises(Malformed, match="dollars"):
        amount(text)


def test_request_bytes_count_all_that_is_shown() -> None:
    """Every text of a request makes it bigger by its UTF-8 bytes at least."""
    tool = ToolSchema(name="kb.search", description="Søg", schema={"type": "object"})
    asked = Message(seq=0, role=Role.INPUT, body={"ticket_id": "T-1"})
    small = ModelRequest(
        model="rules", prompt="", messages=(asked,), tools=(tool,), max_output_tokens=1, timeout=1
    )
    answer = Message(
        seq=1, role=Role.TOOL, body={"tool": "kb.search", "content": "</ü" * 100, "call_id": "1"}
    )
    big = ModelRequest(
        model="rules",
        prompt="ø" * 50,
        messages=(asked, answer),
        tools=(tool,),
        max_output_tokens=1,
        timeout=1,
    )
    assert request_bytes(big) - request_bytes(small) >= 100 + 5 * 100
