"""Sending: the answer that an article gives, as one mail to whoever asked."""

from typing import Final

from adapters.models.rules.ending import Deed
from adapters.models.rules.letters import letter
from adapters.models.rules.reading import Article, Ticket
from adapters.models.rules.seen import Plan, Seen, call

SEND: Final = "email.send"


def plan(seen: Seen, ticket_id: str) -> Plan:
    """Read, search in the ticket's words, then at most one mail."""
    sent = seen.last(SEND)
    if sent is not None:
        return _deed(ticket_id).ending(sent)
    ticket = seen.ticket(ticket_id)
    if not isinstance(ticket, Ticket):
        return ticket
    return seen.search(ticket) or _mail(seen, ticket)


def _mail(seen: Seen, ticket: Ticket) -> Plan:
    article = seen.article(ticket)
    doubt = _doubt(ticket, article)
    if doubt is not None:
        return f"No mail about {ticket.id} is proposed: {doubt} A person should answer it."
    made = letter(ticket, article)
    return (call(SEND, made.arguments(ticket), f"Answer {ticket.id}: {made.because}."),)


def _doubt(ticket: Ticket, article: Article | None) -> str | None:
    """Why no mail would help; None: one does."""
    if ticket.in_vain:
        return "the customer says that help was in vain, so the same answer again would not do."
    return "no article of the knowledge base covers it." if article is None else None


def _deed(ticket_id: str) -> Deed:
    return Deed(
        done=f"The mail about {ticket_id} was sent",
        undone=f"No mail about {ticket_id} was sent",
        doing="sending it",
        whether=f"the mail about {ticket_id} was sent",
    )
