"""Orders as the rules model reads them, and what a ticket asks to have paid back of one."""

import re
from dataclasses import dataclass
from typing import Final

from adapters.models.rules import reading
from adapters.models.rules.reading import Ticket
from contracts.digest import Json

_ORDER: Final = re.compile(r"(?<![\w-])O-[0-9]{1,9}(?![\w-])")
_AMOUNT: Final = re.compile(
    r"\b(EUR|USD) ?([0-9]{1,3}(?:,[0-9]{3}){0,2}|[0-9]{1,7})\.([0-9]{2})(?![\w.,]*[0-9])"
)
_MONEY: Final = re.compile(r"(EUR|USD|[€$]) ?[0-9]|[0-9] ?(EUR|USD|[€$])", re.IGNORECASE)
"""Anything like an amount, so that one that is written otherwise is not taken for none."""
_WHOLE: Final = re.compile(r"\b(in full|full (amount|refund)|all of it)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the judgement rests on. Amounts are cents."""

    id: str
    customer_id: str
    currency: str
    left: int


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the customer asks for."""

    order_id: str
    #: Currency and cents; None: all that is left.
    amount: tuple[str, int] | None


def order(result: Json) -> Order | None:
    """The order in a result of ``orders.get``; None where it cannot be read."""
    shown = reading.content(result).get("order")
    if not isinstance(shown, dict):
        return None
    texts = [shown.get(name) for name in ("id", "customer_id", "currency")]
    left = shown.get("refundable_cents")
    if not all(isinstance(text, str) for text in texts) or type(left) is not int:
        return None
    return Order(id=shown["id"], customer_id=shown["customer_id"], currency=shown["currency"], left=left)


def wish(ticket: Ticket) -> Wish | str:
    """What the ticket asks for, where it means one thing only; else what is wrong with it, as a sentence."""
    said = f"{ticket.subject} {ticket.body} {ticket.answer}"
    named, amounts = set(_ORDER.findall(said)), set(_AMOUNT.findall(said))
    if len(named) != 1:
        return "it names more than one order." if named else "it names no order."
    if len(amounts) > 1:
        return "it names more than one amount."
    if not amounts and (_MONEY.search(said) or not _WHOLE.search(said)):
        return "it does not clearly say how much."
    cents = [(currency, int(whole.replace(",", "") + part)) for currency, whole, part in amounts]
    return Wish(order_id=named.pop(), amount=cents[0] if cents else None)


def money(currency: str, cents: int) -> str:
    return f"{currency} {cents // 100:,}.{cents % 100:02d}"
