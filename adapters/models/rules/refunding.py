"""Refunding: what one ticket asks for of one order, where that order is its customer's and has it left."""

from typing import Final

from adapters.models.rules.ending import Deed
from adapters.models.rules.orders import Order, Wish, money, order, wish
from adapters.models.rules.reading import Ticket
from adapters.models.rules.seen import Plan, Seen, call
from adapters.models.rules.words import line
from contracts.run import Outcome

REFUND: Final = "refund.create"
ORDER: Final = "orders.get"


def plan(seen: Seen, ticket_id: str) -> Plan:
    """Read the ticket, then the order that it names, then at most one refund."""
    paid = seen.last(REFUND)
    if paid is not None:
        return _deed(ticket_id).ending(paid)
    ticket = seen.ticket(ticket_id)
    if not isinstance(ticket, Ticket):
        return ticket
    wished = wish(ticket)
    if isinstance(wished, str):
        return _nothing(ticket, wished)
    found = _order(seen, ticket, wished)
    return _judged(ticket, wished, found) if isinstance(found, Order) else found


def _order(seen: Seen, ticket: Ticket, wished: Wish) -> Order | Plan:
    """The order, read; else the call that reads it, or why it ends here."""
    if not seen.offers(ORDER):
        return _nothing(ticket, f"the rules model needs the tool {ORDER}, which this route does not offer.")
    result = seen.last(ORDER)
    if result is None:
        return (call(ORDER, {"order_id": wished.order_id}, f"Read the order that {ticket.id} names."),)
    found = order(result) if result.get("outcome") == Outcome.SUCCEEDED else None
    if found is None or found.id != wished.order_id:
        ended = line(result.get("outcome"), 20)
        return _nothing(ticket, f"{wished.order_id} could not be read ({ended}).")
    return found


def _judged(ticket: Ticket, wished: Wish, found: Order) -> Plan:
    currency, cents = wished.amount or (found.currency, found.left)
    doubt = _doubt(ticket, found, currency, cents)
    if doubt is not None:
        return _nothing(ticket, doubt)
    amount = money(currency, cents)
    arguments = {
        "order_id": found.id,
        "amount_cents": cents,
        "currency": currency,
        "reason": f"Asked for in {ticket.id}: {amount} of {found.id}.",
    }
    words = f"Refund {amount} of {found.id}: {ticket.id} asks for it, and that customer's order has it left."
    return (call(REFUND, arguments, words),)


def _doubt(ticket: Ticket, found: Order, currency: str, cents: int) -> str | None:
    """Why nothing is due; None: it is."""
    if not ticket.customer_id or found.customer_id != ticket.customer_id:
        return f"{found.id} is not the order of the customer who asks."
    if currency != found.currency:
        return f"{found.id} was paid in {line(found.currency, 10)}, not in {currency}."
    if cents > found.left:
        return f"{money(currency, found.left)} of {found.id} can be refunded, not {money(currency, cents)}."
    return None if cents > 0 else f"nothing of {found.id} is left to refund."


def _nothing(ticket: Ticket, because: str) -> str:
    return f"No refund for {ticket.id} is proposed: {because} A person should look at it."


def _deed(ticket_id: str) -> Deed:
    return Deed(
        done=f"The refund that {ticket_id} asks for was paid",
        undone=f"No refund was paid for {ticket_id}",
        doing="paying it",
        whether=f"the refund that {ticket_id} asks for was paid",
    )
