"""The rules model: a small agent without a language model, that judges whether one ticket can be closed.

It reads the ticket, searches the knowledge base with the ticket's own words, and proposes at most one close,
of the ticket that the run is about. What tickets and articles say is weighed as text: which tools are called,
on which ticket and how often follows from the run's input and from outcomes alone.
"""

from typing import Final

from adapters.models import reading
from adapters.models.reading import Article, Ticket
from adapters.models.scripted import estimate, run_input
from contracts.decision import Call
from contracts.digest import Json
from contracts.run import Outcome
from contracts.transcript import ModelRequest, ModelTurn, Role

READ: Final = "tickets.get"
SEARCH: Final = "kb.search"
CLOSE: Final = "ticket.close"

#: How much of a ticket an article covers before it alone is ground enough to close.
CLEAR: Final = 0.5
REASON_LIMIT: Final = 200


def ask(request: ModelRequest) -> ModelTurn:
    """The next turn: one call, or the final text."""
    said = _next(request)
    if isinstance(said, str):
        return ModelTurn(text=said, usage=estimate(request, said, ()))
    return ModelTurn(text=said.words, calls=(said,), usage=estimate(request, said.words, (said,)))


def _next(request: ModelRequest) -> Call | str:
    ticket_id = _ticket_id(run_input(request))
    if ticket_id is None:
        return 'The rules model needs an input with a "ticket_id", such as {"ticket_id": "T-18421"}.'
    if not _offers(request, READ):
        return f"The rules model needs the tool {READ}, which this route does not offer: nothing was done."
    closing = _last(request, CLOSE)
    if closing is not None:
        return _ending(ticket_id, closing)
    result = _last(request, READ)
    if result is None:
        return _call(request, READ, {"ticket_id": ticket_id}, "Read the ticket first.")
    if result.get("outcome") != Outcome.SUCCEEDED:
        return f"{ticket_id} could not be read ({reading.line(result.get('outcome'), 20)}): nothing was done."
    ticket = reading.ticket(result)
    if ticket is None or ticket.id != ticket_id:
        return f"The answer does not show {ticket_id} as a whole: nothing was done."
    return f"{ticket_id} is closed already: nothing was done." if ticket.closed else _judged(request, ticket)


def _judged(request: ModelRequest, ticket: Ticket) -> Call | str:
    found = _last(request, SEARCH)
    if found is None and _offers(request, SEARCH) and ticket.words:
        words = f"Look for an article that resolves {ticket.id}."
        return _call(request, SEARCH, {"query": ticket.words}, words)
    searched = found is not None and found.get("outcome") == Outcome.SUCCEEDED
    article = reading.best_article(found, ticket) if searched else None
    grounds = _grounds(ticket, article)
    if grounds is None:
        return f"{ticket.id} stays open: {_doubt(ticket, article)} A person should look at it."
    if not _offers(request, CLOSE):
        return f"{ticket.id} could be closed, but this route does not offer {CLOSE}. {grounds}"
    arguments = {"ticket_id": ticket.id, "reason": reading.line(grounds, REASON_LIMIT)}
    if article is not None:
        arguments["resolution_article"] = article.id
    return _call(request, CLOSE, arguments, f"Close {ticket.id}: {grounds}")


def _grounds(ticket: Ticket, article: Article | None) -> str | None:
    """Why the ticket can be closed; None: it cannot."""
    named = f"{article.id} ({reading.line(article.title, 80)})" if article else ""
    if ticket.answer:
        by = f", by what {named} says" if named else ""
        return (
            f"The customer confirmed that the problem is solved{by}."
            if reading.confirms(ticket.answer)
            else None
        )
    if article is None or article.score < CLEAR or reading.tried(ticket.body):
        return None
    return f"{named} describes this problem and how to resolve it."


def _doubt(ticket: Ticket, article: Article | None) -> str:
    if ticket.answer and reading.denies(ticket.answer):
        return "the customer's last message says that the problem is not solved."
    if ticket.answer:
        return "the customer's last message does not confirm that the problem is solved."
    if article is None:
        return "no article of the knowledge base covers it."
    return f"the nearest article, {article.id}, does not clearly resolve it."


def _ending(ticket_id: str, closing: Json) -> str:
    said = reading.line(closing.get("content"), REASON_LIMIT)
    because = f" ({said})" if said and not said.startswith(("{", "[")) else ""
    endings: dict[str, str] = {
        Outcome.SUCCEEDED: f"{ticket_id} is closed.",
        Outcome.REJECTED: f"{ticket_id} stays open: a person said no to closing it{because}.",
        Outcome.REFUSED: f"{ticket_id} was not closed: the helpdesk refused{because}.",
        Outcome.DENIED: f"{ticket_id} was not closed: policy does not allow it{because}.",
        Outcome.EXPIRED: f"{ticket_id} stays open: nobody decided in time.",
        Outcome.UNKNOWN: f"It is not known whether {ticket_id} was closed; a person has to look.",
    }
    return endings.get(
        closing.get("outcome", ""), f"{ticket_id} was not closed: the attempt failed{because}."
    )


def _ticket_id(body: Json) -> str | None:
    ticket_id = body.get("ticket_id") if isinstance(body, dict) else None
    return ticket_id if isinstance(ticket_id, str) and 0 < len(ticket_id) <= 100 else None


def _offers(request: ModelRequest, tool: str) -> bool:
    return any(offered.name == tool for offered in request.tools)


def _last(request: ModelRequest, tool: str) -> Json | None:
    """The latest result of a tool."""
    results = (message.body for message in reversed(request.messages) if message.role is Role.TOOL)
    return next((body for body in results if isinstance(body, dict) and body.get("tool") == tool), None)


def _call(request: ModelRequest, tool: str, arguments: Json, words: str) -> Call:
    turn = sum(message.role is Role.ASSISTANT for message in request.messages)
    return Call(tool=tool, arguments=arguments, words=words, call_id=f"rules-{turn}-0")
