"""Triaging: which tickets there are, the gravest of them read side by side, and a summary. It only reads."""

from collections import Counter
from typing import Any, Final

from adapters.models.rules import reading
from adapters.models.rules.reading import Glance, Ticket
from adapters.models.rules.seen import READ, Plan, Seen, call
from adapters.models.rules.updating import PRIORITIES
from adapters.models.rules.words import line
from contracts.digest import Json
from contracts.run import Outcome

FIND: Final = "tickets.search"

_STATUSES: Final = ("open", "pending", "closed")
_LIMIT: Final = 10
_MOST: Final = 20
"""Tickets that a search may return."""
_CLOSELY: Final = 3
"""Tickets that are read."""


def plan(seen: Seen) -> Plan:
    """One search, then at most one turn of reads, then the summary."""
    found = seen.last(FIND)
    if found is None:
        return (call(FIND, _query(seen.input), "See which tickets there are."),)
    if found.get("outcome") != Outcome.SUCCEEDED:
        return f"The tickets could not be searched ({line(found.get('outcome'), 20)})."
    tickets = sorted(reading.glances(found), key=_gravity)
    if not seen.results(READ) and seen.offers(READ) and tickets:
        return tuple(
            call(READ, {"ticket_id": ticket.id}, f"Read {ticket.id}.") for ticket in tickets[:_CLOSELY]
        )
    return _summary(tickets, _read(seen), more=reading.content(found).get("more") is True)


def _query(given: dict[str, Any]) -> dict[str, Json]:
    """The run's own filters, each only where it is one."""
    status, limit, words = given.get("status"), given.get("limit"), line(given.get("words"), 200)
    whole = limit if isinstance(limit, int) and not isinstance(limit, bool) else _LIMIT
    return {
        "status": status if status in _STATUSES else "open",
        "limit": min(max(whole, 1), _MOST),
        **({"words": words} if words else {}),
    }


def _gravity(ticket: Glance) -> tuple[int, str]:
    known = ticket.priority in PRIORITIES
    return -PRIORITIES.index(ticket.priority) if known else 1, ticket.id


def _read(seen: Seen) -> dict[str, Ticket]:
    results = (result for result in seen.results(READ) if result.get("outcome") == Outcome.SUCCEEDED)
    tickets = (reading.ticket(result) for result in results)
    return {ticket.id: ticket for ticket in tickets if ticket is not None}


def _summary(tickets: list[Glance], read: dict[str, Ticket], *, more: bool) -> str:
    if not tickets:
        return "No ticket matches."
    counted = Counter(line(ticket.priority, 20) for ticket in tickets)
    heads = ", ".join(f"{count} {priority}" for priority, count in counted.items())
    lines = [f"{len(tickets)} tickets{', and there are more' if more else ''}: {heads}."]
    lines += [_line(ticket, read.get(ticket.id)) for ticket in tickets]
    return "\n".join(lines)


def _line(ticket: Glance, read: Ticket | None) -> str:
    stage = f" ({_stage(read)})" if read else ""
    return f"{ticket.id} ({line(ticket.priority, 20)}): {line(ticket.subject, 80)}{stage}"


def _stage(ticket: Ticket) -> str:
    if ticket.confirmed:
        return "the customer says that it works"
    if ticket.in_vain:
        return "help was in vain"
    if ticket.answer:
        return "the customer answered"
    return "it waits for the customer" if ticket.replied else "nobody has answered it"
