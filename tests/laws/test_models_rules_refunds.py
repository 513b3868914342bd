"""What the rules model takes a ticket to ask for: one order and one amount, or nothing."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.models.rules.orders import Wish, money, order, wish
from adapters.models.rules.reading import Ticket
from adapters.models.rules.reading import ticket as read_ticket
from contracts.digest import Json


def _ticket(body: str, answer: str = "") -> Ticket:
    said = [{"author": "Dana", "text": "How much?"}, {"author": "Jane", "text": answer}] if answer else []
    shown = {"id": "T-1", "subject": "", "body": body, "requester": {"name": "Jane"}, "conversation": said}
    found = read_ticket({"content": {"ticket": shown}})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("body", "amount"),
    [
        ("Please refund EUR 49.00 of O-10231.", ("EUR", 4900)),
        ("USD 1,234.50 back for O-10231, please. USD 1,234.50!", ("USD", 123_450)),
        ("O-10231: EUR 1234.50", ("EUR", 123_450)),
        ("Refund O-10231 in full.", None),
        ("The full amount of order O-10231, O-10231!", None),
    ],
)
def test_a_clear_wish_is_read(body: str, amount: tuple[str, int] | None) -> None:
    """One order and one amount, however often they are said, or all of it."""
    assert wish(_ticket(body)) == Wish(order_id="O-10231", amount=amount)


@pytest.mark.parametrize(
    ("body", "doubt"),
    [
        ("Please refund EUR 49.00.", "it names no order."),
        ("EUR 49.00 of XO-10231 or O-10231-7", "it names no order."),
        ("EUR 49.00 of O-10231 and O-10238", "it names more than one order."),
        ("EUR 49.00 or EUR 94.00 of O-10231", "it names more than one amount."),
        ("EUR 49.00 or USD 49.00 of O-10231", "it names more than one amount."),
        ("Something of O-10231", "it does not clearly say how much."),
        ("49.00 of O-10231", "it does not clearly say how much."),
        ("EUR 1.234,50 of O-10231", "it does not clearly say how much."),
        ("EUR 49.001 of O-10231", "it does not clearly say how much."),
        ("EUR 49 of O-10231 in full", "it does not clearly say how much."),
        ("€5 of O-10231 in full", "it does not clearly say how much."),
        ("O-10231 in full, which is 12 EUR", "it does not clearly say how much."),
    ],
)
def test_what_is_not_clear_is_no_wish(body: str, doubt: str) -> None:
    """Nothing is guessed, and an amount that is written otherwise is not taken for all of it."""
    assert wish(_ticket(body)) == doubt


def test_the_customers_answer_counts_and_an_agents_words_do_not() -> None:
    """What somebody else wrote in the ticket asks for nothing."""
    assert wish(_ticket("About O-1.", answer="EUR 5.00")) == Wish(order_id="O-1", amount=("EUR", 500))
    said = [{"author": "Dana", "text": "EUR 5.00 of O-1?"}]
    shown = {"id": "T-1", "body": "Hello.", "requester": {"name": "Jane"}, "conversation": said}
    found = read_ticket({"content": {"ticket": shown}})
    assert found is not None
    assert wish(found) == "it names no order."


@given(st.sampled_from(["EUR", "USD"]), st.integers(1, 10**9 - 1))
def test_an_amount_is_read_as_it_is_written(currency: str, cents: int) -> None:
    """To the cent, with thousands set apart."""
    found = wish(_ticket(f"{money(currency, cents)} of O-1"))
    assert found == Wish(order_id="O-1", amount=(currency, cents))


@given(st.text(max_size=60))
def test_no_text_whatever_breaks_the_reading(text: str) -> None:
    """Any text is a wish or a doubt."""
    assert wish(replace(_ticket(""), body=text, answer=text))


@pytest.mark.parametrize(
    "shown",
    [
        None,
        [],
        {"id": "O-1"},
        {"id": "O-1", "customer_id": "C-1", "currency": "EUR", "refundable_cents": "100"},
        {"id": "O-1", "customer_id": "C-1", "currency": "EUR", "refundable_cents": True},
        {"id": "O-1", "customer_id": None, "currency": "EUR", "refundable_cents": 100},
    ],
)
def test_half_an_order_is_none(shown: Any) -> None:
    """What cannot be read whole is not known."""
    result: Json = {"outcome": "succeeded", "content": {"order": shown}}
    assert order(result) is None
