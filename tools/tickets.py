"""Tickets, as an agent reads them: one whole, or many at a glance."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from contracts.digest import Json
from tools.operation import Arguments, PythonRead, Reader
from tools.ticket import TicketArguments, read_ticket

_NO_TICKETS: Final = "the helpdesk's answer holds no list of tickets"


class SearchArguments(Arguments):
    """Which tickets."""

    words: Annotated[
        str, Field(max_length=200, description="Words that subject or body must have, all of them.")
    ] = ""
    status: Annotated[
        Literal["open", "pending", "closed"] | None, Field(description="Null for any status.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=20, description="Tickets to return, at most.")] = 10


class _Summary(BaseModel):
    id: str
    subject: str
    status: str
    priority: str
    tags: list[str]
    customer_id: str
    updated_at: str


class _Page(BaseModel):
    tickets: list[_Summary]
    cursor: str | None = None


class GetTicket(PythonRead[TicketArguments]):
    """``tickets.get``."""

    version = "1"
    description = "Read one ticket with its conversation, oldest entry first."
    arguments = TicketArguments

    async def read(self, session: Reader, arguments: TicketArguments) -> Json:
        _, ticket = await read_ticket(session, arguments.ticket_id)
        return {"ticket": ticket.document()}


class SearchTickets(PythonRead[SearchArguments]):
    """``tickets.search``."""

    version = "1"
    description = (
        "Search the tickets, in order of their ids. Returns of each its id, subject, status, priority, tags,"
        " customer and time of the last change, and whether there are more that match."
    )
    arguments = SearchArguments

    async def read(self, session: Reader, arguments: SearchArguments) -> Json:
        status = {} if arguments.status is None else {"status": arguments.status}
        query = {"q": arguments.words, "limit": str(arguments.limit), **status}
        page = (await session.get("/tickets", query=query)).read(_Page, _NO_TICKETS)
        shown = [ticket.model_dump() for ticket in page.tickets[: arguments.limit]]
        return {"tickets": shown, "more": page.cursor is not None}
