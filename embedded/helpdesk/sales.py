"""What the customers of the seeded world have bought: one order each, some of it paid back already."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from embedded.helpdesk.customers import Customer
from embedded.helpdesk.database import stamp
from embedded.helpdesk.purchases import Purchase

_FIRST_ORDER, _ORDER_STEP = 10231, 7
_FIRST_PAID: Final = datetime(2026, 7, 6, 8, 15, tzinfo=UTC)
_BETWEEN: Final = timedelta(days=1, hours=19)

#: Of every seven orders of a tenant, the place of the one of which a third was paid back, and of the one of
#: which all was.
_PARTLY, _WHOLLY = 5, 6


def sales(
    customers: list[Customer], goods: list[dict[str, Any]], *, seller: str, places: tuple[int, int]
) -> Iterator[Purchase]:
    """``places``: the tenant's place among the tenants, and how many of them there are."""
    for number, customer in enumerate(customers):
        yield _sale(customer, goods, seller=seller, number=number, place=number * places[1] + places[0])


def _sale(
    customer: Customer, goods: list[dict[str, Any]], *, seller: str, number: int, place: int
) -> Purchase:
    items = [
        {"name": one["name"], "quantity": quantity, "unit_cents": one["cents"]}
        for one, quantity in _basket(goods, number)
    ]
    paid = _FIRST_PAID + _BETWEEN * place
    sold = Purchase(
        id=f"O-{_FIRST_ORDER + _ORDER_STEP * place}",
        customer_id=customer.id,
        customer=customer.name,
        seller=seller,
        items=items,
        currency="USD" if number % 4 == 3 else "EUR",
        amount_cents=sum(one["quantity"] * one["unit_cents"] for one in items),
        refunded_cents=0,
        refunds=[],
        paid_at=stamp(paid),
        paid_with=f"card ending {1000 + 137 * place % 9000}" if number % 3 else "bank transfer",
        version=1,
    )
    return _partly_refunded(sold, number, at=stamp(paid + timedelta(days=9)))


def _basket(goods: list[dict[str, Any]], number: int) -> Iterator[tuple[dict[str, Any], int]]:
    yield goods[number % len(goods)], 1 + number // 4 % 3
    if number % 3 == 0:
        yield goods[(number + 2) % len(goods)], 1


def _partly_refunded(sold: Purchase, number: int, *, at: str) -> Purchase:
    share = {_PARTLY: 3, _WHOLLY: 1}.get(number % 7)
    if share is None:
        return sold
    return sold.paid_back(
        f"R-{sold.id[2:]}",
        amount_cents=sold.amount_cents // share,
        currency=sold.currency,
        reason="Returned within 14 days.",
        at=at,
    )
