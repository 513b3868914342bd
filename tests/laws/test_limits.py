"""Laws of limits: exact amounts, no call too many, and a sentence that says when there is room again."""

from decimal import Decimal, Inexact
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Malformed
from policies.limits import Use, amount, comes_back, excess, reached, total, untold
from policies.route import Limit

WINDOW_MS = 3_600_000
CENTS = {"argument": "amount_cents", "max": 100}
USES = st.lists(
    st.builds(
        Use,
        leaves_ms=st.none() | st.integers(0, 10**6).map(lambda n: n * 1_000),
        amount=st.decimals(0, 50, places=2),
    ),
    max_size=12,
)


def limit(**keys: Any) -> Limit:
    known = {"tool": "refund.create", "per": "tenant", "window": "1h"}
    return Limit.model_validate({**known, **(keys or {"calls": 3})})


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (0, "0"),
        (10**18, str(10**18)),
        ("0", "0"),
        ("12.50", "12.5"),
        ("0.000000001", "1e-9"),
        ("999999999999999.999999999", "999999999999999.999999999"),
    ],
)
def test_whole_numbers_and_decimal_text_are_amounts(value: object, exact: str) -> None:
    """Each is taken at its exact value."""
    assert amount(limit(sum=CENTS), {"amount_cents": value}) == Decimal(exact)


NO_AMOUNTS: tuple[object, ...] = (
    *(True, False, None, -1, 10**18 + 1, 10**4000, 1.0, 0.1, float("nan"), [], {}, [1], {"value": 1}),
    *("", "-1", "+1", "1e3", "1E3", "NaN", "Infinity", " 1", "1 ", "1\n", "01", "1.", ".5", "1.0000000001"),
    *("1000000000000000", "1_000", "1,5", "0x10", "\u0663", "\uff11", "\u00b2", "1.\u0663", "-0"),
)


@pytest.mark.parametrize("value", NO_AMOUNTS)
def test_anything_else_is_no_amount(value: object) -> None:
    """No float, sign, exponent, foreign digit or space: what is not exact is refused, not rounded."""
    with pytest.raises(Malformed, match="limited by its sum"):
        amount(limit(sum=CENTS), {"amount_cents": value})


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("/amount/value", {"amount": {"value": "2.5"}}),
        ("/lines/1/cents", {"lines": [{}, {"cents": "2.5"}]}),
        ("/a~1b/c~0d", {"a/b": {"c~d": "2.5"}}),
        ("a/b", {"a/b": "2.5"}),
        ("a~1b", {"a~1b": "2.5"}),
    ],
)
def test_an_amount_is_found_by_name_or_pointer(argument: str, arguments: object) -> None:
    """A plain name is a key of the arguments, whatever signs it has; a pointer goes deeper."""
    assert amount(limit(sum={"argument": argument, "max": 9}), arguments) == Decimal("2.5")


@pytest.mark.parametrize(
    "arguments", [{}, {"lines": []}, {"lines": [{"x": 1}]}, {"lines": "1"}, [], None, "x"]
)
def test_an_amount_that_is_not_there_is_none(arguments: object) -> None:
    """Arguments without the amount are refused, whatever shape they have."""
    with pytest.raises(Malformed):
        amount(limit(sum={"argument": "/lines/0/cents", "max": 9}), arguments)


@given(st.lists(st.integers(0, 10**15), max_size=60), st.integers(0, 10**15))
def test_a_sum_is_exact_to_the_billionth(used: list[int], added: int) -> None:
    """It is that of the whole numbers of billionths; a billionth less than it is too small a limit."""
    amounts = [Decimal(one).scaleb(-9) for one in used]
    whole = sum([*used, added])
    for most, fits in ((whole, True), (max(whole - 1, 0), whole == 0)):
        rule = limit(sum={"argument": "usd", "max": f"{Decimal(most).scaleb(-9):.9f}"})
        sentence = reached(rule, len(used), total(amounts), Decimal(added).scaleb(-9))
        assert (sentence is None) == fits


def test_a_sum_that_would_be_rounded_raises() -> None:
    """Nothing is ever let through by an inexact sum."""
    with pytest.raises(Inexact):
        total([Decimal(10**79), Decimal("1e-9")])


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_as_many_calls_as_the_limit_says(used: int, calls: int) -> None:
    """The last one is let through, the next is not, however many there are."""
    assert (reached(limit(calls=calls), used, Decimal(0), Decimal(1)) is None) == (used < calls)


@given(USES, st.decimals(0, 60, places=2))
def test_there_is_room_when_the_sentence_says(uses: list[Use], added: Decimal) -> None:
    """At the moment that is named the call fits, and no millisecond of a leaving before it would it have."""
    rule = limit(sum={"argument": "amount_cents", "max": 50})
    used = total(use.amount or Decimal(0) for use in uses)
    if reached(rule, len(uses), used, added) is None:
        return
    sentence = comes_back(uses, excess(rule, len(uses), used, added))
    times = sorted({use.leaves_ms for use in uses if use.leaves_ms is not None})
    fitting = [
        at
        for at in times
        if reached(
            rule,
            0,
            total(use.amount or Decimal(0) for use in uses if use.leaves_ms is None or use.leaves_ms > at),
            added,
        )
        is None
    ]
    if fitting:
        minutes, seconds = divmod(fitting[0] // 1_000, 60)
        assert f"{minutes % 60:02}:{seconds:02} UTC" in sentence
    elif added > 50:
        assert "alone is more" in sentence
    else:
        assert "once it is known" in sentence


def test_what_cannot_be_told_waits_until_it_leaves() -> None:
    """A call without an amount refuses the next ones until it leaves the window, and says until when."""
    known = Use(leaves_ms=9_000, amount=Decimal(1))
    assert untold([known]) is None
    assert "until 1970-01-01 00:00:05 UTC" in str(untold([known, Use(leaves_ms=4_001, amount=None)]))
    assert "until people have said" in str(untold([Use(leaves_ms=None, amount=None)]))


def test_there_is_room_as_soon_as_just_enough_has_left() -> None:
    """Neither a call nor a billionth too late: where exactly what is missing leaves, it is then."""
    uses = [Use(leaves_ms=at * 1_000, amount=Decimal("0.5")) for at in (3, 1, 2)]
    assert comes_back(uses, Decimal("1.0")).endswith("1970-01-01 00:00:02 UTC")
    rule = limit(calls=3)
    calls = [Use(leaves_ms=at * 1_000, amount=Decimal(1)) for at in (3, 1, 2)]
    assert comes_back(calls, excess(rule, 3, Decimal(0), Decimal(1))).endswith("00:00:01 UTC")
