"""What a read key may ask."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from embedded.helpdesk import customers, knowledge, tickets, write_log
from embedded.helpdesk.callers import Helpdesk, helpdesk, reader
from embedded.helpdesk.problems import Problem

router = APIRouter(tags=["reading"])

Parts = Annotated[Helpdesk, Depends(helpdesk)]
Limit = Annotated[int, Query(ge=1, le=100)]
Words = Annotated[str, Query(max_length=1000)]

#: What a listing leaves out of each ticket.
_DETAILS = frozenset({"body", "conversation", "resolution"})


@router.get("/tickets")
def list_tickets(
    tenant: Annotated[str, Depends(reader("list_tickets"))],
    parts: Parts,
    status: Literal["open", "pending", "closed"] | None = None,
    q: Words = "",
    customer_id: Annotated[str | None, Query(max_length=40)] = None,
    limit: Limit = 20,
    cursor: Annotated[str, Query(pattern=r"^T-[0-9]{1,12}$|^$")] = "",
) -> dict[str, Any]:
    """Summaries in order of ids; ``cursor`` of one page asks for the next, and is null on the last."""
    with parts.database.reading() as connection:
        found = tickets.listing(
            connection, tenant, status=status, words=q, customer_id=customer_id, after=cursor
        )
    page = found[:limit]
    return {
        "tickets": [
            {name: value for name, value in one.document().items() if name not in _DETAILS} for one in page
        ],
        "cursor": page[-1].id if len(found) > limit else None,
    }


@router.get("/tickets/{ticket_id}")
def get_ticket(
    ticket_id: str, tenant: Annotated[str, Depends(reader("get_ticket"))], parts: Parts, response: Response
) -> dict[str, Any]:
    """One ticket; its ETag is its version in quotes."""
    with parts.database.reading() as connection:
        found = tickets.ticket(connection, tenant, ticket_id)
    response.headers["ETag"] = found.etag
    return found.document()


@router.get("/articles")
def search_articles(
    tenant: Annotated[str, Depends(reader("search_articles"))], parts: Parts, q: Words = "", limit: Limit = 10
) -> dict[str, Any]:
    """Articles that have words of ``q``, best first; without words, all of them with score 0."""
    with parts.database.reading() as connection:
        stock = knowledge.articles(connection, tenant)
    return {"articles": [hit.document() for hit in knowledge.search(stock, q)[:limit]]}


@router.get("/articles/{article_id}")
def get_article(
    article_id: str, tenant: Annotated[str, Depends(reader("get_article"))], parts: Parts
) -> dict[str, Any]:
    with parts.database.reading() as connection:
        found = knowledge.article(connection, tenant, article_id)
    if found is None:
        raise Problem("not-found", "there is no such article")
    return found.document()


@router.get("/customers/{customer_id}")
def get_customer(
    customer_id: str, tenant: Annotated[str, Depends(reader("get_customer"))], parts: Parts
) -> dict[str, Any]:
    with parts.database.reading() as connection:
        return customers.customer(connection, tenant, customer_id).document()


@router.get("/writes")
def get_writes(
    tenant: Annotated[str, Depends(reader("get_writes"))],
    parts: Parts,
    key: Annotated[str, Query(min_length=1, max_length=255)],
) -> dict[str, Any]:
    """The tenant's executed writes to tickets with that key: whoever lost an answer asks here.

    Not its mails: whether one was sent, nobody can ask. Nor its refunds, which are not a read key's to see.
    """
    with parts.database.reading() as connection:
        found = write_log.writes(connection, tenant=tenant, key=key)
    shown = [one.document() for one in found if one.operation not in write_log.UNFINDABLE]
    return {"key": key, "writes": shown}
