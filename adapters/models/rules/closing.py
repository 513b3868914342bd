"""Closing: one ticket that its customer confirmed, or that an article clearly resolves."""

from typing import Final

from adapters.models.rules.ending import REASON_LIMIT, Deed
from adapters.models.rules.reading import Article, Ticket
from adapters.models.rules.seen import Plan, Seen, call
from adapters.models.rules.words import line

CLOSE: Final = "ticket.close"

#: How much of a ticket an article covers before it alone is ground enough to close.
CLEAR: Final = 0.5


def plan(seen: Seen, ticket_id: str) -> Plan:
    """Read, search in the ticket's words, then at most one close."""
    closing = seen.last(CLOSE)
    if closing is not None:
        return _deed(ticket_id).ending(closing)
    ticket = seen.ticket(ticket_id)
    if not isinstance(ticket, Ticket):
        return ticket
    return seen.search(ticket) or _judged(seen, ticket)


def _judged(seen: Seen, ticket: Ticket) -> Plan:
    article = seen.article(ticket)
    grounds = _grounds(ticket, article)
    if grounds is None:
        return f"{ticket.id} stays open: {_doubt(ticket, article)} A person should look at it."
    if not seen.offers(CLOSE):
        return f"{ticket.id} could be closed, but this route does not offer {CLOSE}. {grounds}"
    arguments = {"ticket_id": ticket.id, "reason": line(grounds, REASON_LIMIT)}
    if article is not None:
        arguments["resolution_article"] = article.id
    return (call(CLOSE, arguments, f"Close {ticket.id}: {grounds}"),)


def _grounds(ticket: Ticket, article: Article | None) -> str | None:
    """Why the ticket can be closed; None: it cannot."""
    if ticket.answer:
        by = f", by what {article.named} says" if article else ""
        return f"The customer confirmed that the problem is solved{by}." if ticket.confirmed else None
    if article is None or article.score < CLEAR or ticket.in_vain:
        return None
    return f"{article.named} describes this problem and how to resolve it."


def _doubt(ticket: Ticket, article: Article | None) -> str:
    if ticket.answer and ticket.in_vain:
        return "the customer's last message says that the problem is not solved."
    if ticket.answer:
        return "the customer's last message does not confirm that the problem is solved."
    if article is None:
        return "no article of the knowledge base covers it."
    return f"the nearest article, {article.id}, does not clearly resolve it."


def _deed(ticket_id: str) -> Deed:
    return Deed(
        done=f"{ticket_id} is closed",
        undone=f"{ticket_id} was not closed",
        doing="closing it",
        whether=f"{ticket_id} was closed",
    )
