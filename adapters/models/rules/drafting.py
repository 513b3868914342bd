"""Drafting: an answer to one ticket, that a person may send or not."""

from typing import Final

from adapters.models.rules import reading
from adapters.models.rules.ending import REASON_LIMIT
from adapters.models.rules.letters import letter
from adapters.models.rules.reading import Ticket
from adapters.models.rules.seen import Plan, Seen, call
from adapters.models.rules.words import line
from contracts.decision import Call
from contracts.digest import Json
from contracts.run import Outcome

DRAFT: Final = "email.draft"
CUSTOMER: Final = "customers.get"


def plan(seen: Seen, ticket_id: str) -> Plan:
    """Read the ticket, then its customer and an article side by side, then make one draft."""
    drafted = seen.last(DRAFT)
    if drafted is not None:
        return _ending(seen, ticket_id, drafted)
    ticket = seen.ticket(ticket_id)
    if not isinstance(ticket, Ticket):
        return ticket
    return _customer(seen, ticket) + seen.search(ticket) or _draft(seen, ticket)


def _customer(seen: Seen, ticket: Ticket) -> tuple[Call, ...]:
    """The call that reads the customer, unless that was tried or nobody is named."""
    if seen.last(CUSTOMER) is not None or not seen.offers(CUSTOMER) or not ticket.customer_id:
        return ()
    return (call(CUSTOMER, {"customer_id": ticket.customer_id}, f"Read who asks in {ticket.id}."),)


def _draft(seen: Seen, ticket: Ticket) -> Plan:
    made = letter(ticket, seen.article(ticket))
    return (call(DRAFT, made.arguments(ticket), f"Draft an answer to {ticket.id}: {made.because}."),)


def _ending(seen: Seen, ticket_id: str, drafted: Json) -> str:
    if drafted.get("outcome") == Outcome.SUCCEEDED:
        return f"A draft of an answer to {ticket_id}{_for(seen)} is ready. Nothing was sent."
    said = line(drafted.get("content"), REASON_LIMIT)
    return f"No draft of an answer to {ticket_id} could be made{f' ({said})' if said else ''}."


def _for(seen: Seen) -> str:
    """Whom it is for, where that was read."""
    found = seen.good(CUSTOMER)
    customer = None if found is None else reading.customer(found)
    return f" for {customer}" if customer else ""
