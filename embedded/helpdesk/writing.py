"""What a write key may do."""

import sqlite3
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from embedded.helpdesk.callers import writer
from embedded.helpdesk.execution import Change
from embedded.helpdesk.knowledge import require
from embedded.helpdesk.ordering import ordered, perform
from embedded.helpdesk.shelves import TICKETS
from embedded.helpdesk.tickets import Ticket

router = APIRouter(tags=["writing"], dependencies=[Depends(writer)])

Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Close(BaseModel):
    """Why the ticket is closed, and the article that resolved it, if one did."""

    model_config = ConfigDict(extra="forbid", strict=True)
    reason: Reason
    resolution_article: Annotated[str, Field(max_length=40)] | None = None


class Reopen(BaseModel):
    """Why the ticket is opened again."""

    model_config = ConfigDict(extra="forbid", strict=True)
    reason: Reason


class Patch(BaseModel):
    """The fields to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)
    subject: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")] | None = None
    priority: Literal["low", "normal", "high", "urgent"] | None = None
    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=20)] | None = (
        None
    )
    status: Literal["open", "pending"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.changes() or None in self.changes().values():
            raise ValueError("name at least one field to change, and a value for each that you name")
        return self

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


@router.post("/tickets/{ticket_id}/close")
async def close(ticket_id: str, body: Close, request: Request) -> Response:
    """Close the ticket; ``reopen`` is the undo."""

    def change(connection: sqlite3.Connection, ticket: Ticket, at: str) -> Ticket:
        require(connection, request.state.caller.tenant, body.resolution_article)
        return ticket.closed(reason=body.reason, article=body.resolution_article, at=at)

    return await _perform("close", ticket_id, request, change)


@router.post("/tickets/{ticket_id}/reopen")
async def reopen(ticket_id: str, body: Reopen, request: Request) -> Response:
    """Open a closed ticket again."""
    return await _perform(
        "reopen", ticket_id, request, lambda _, ticket, at: ticket.reopened(reason=body.reason, at=at)
    )


@router.patch("/tickets/{ticket_id}")
async def patch(ticket_id: str, body: Patch, request: Request) -> Response:
    """Change some of subject, priority, tags and status."""
    return await _perform(
        "patch", ticket_id, request, lambda _, ticket, at: ticket.patched(body.changes(), at=at)
    )


async def _perform(
    operation: Literal["close", "reopen", "patch"], ticket_id: str, request: Request, change: Change[Ticket]
) -> Response:
    order = await ordered(operation, ticket_id, request, change, shelf=TICKETS)
    return await perform(operation, request, order)
