"""What a write key may do."""

import re
import sqlite3
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from embedded.helpdesk.callers import caller, fate, helpdesk, writer
from embedded.helpdesk.conditions import Condition
from embedded.helpdesk.door import capability_sha256
from embedded.helpdesk.execution import Change, Order, execute
from embedded.helpdesk.knowledge import require
from embedded.helpdesk.problems import Problem
from embedded.helpdesk.tickets import Ticket

router = APIRouter(tags=["writing"], dependencies=[Depends(writer)])

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

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
    operation: Literal["close", "reopen", "patch"], ticket_id: str, request: Request, change: Change
) -> Response:
    parts = helpdesk(request)
    order = await _order(operation, ticket_id, request, change)
    with parts.in_flight.hold(order):
        await parts.faults.strike(operation, fate(request))
        answer = await run_in_threadpool(execute, parts.database, order)
    headers = {"ETag": answer.etag} | ({"Idempotency-Replayed": "true"} if answer.replayed else {})
    return Response(answer.body, answer.status, headers, media_type="application/json")


async def _order(operation: str, ticket_id: str, request: Request, change: Change) -> Order:
    """Raises Problem when the key has no write scope, or a header is missing or malformed."""
    who = caller(request, "write")
    return Order(
        tenant=who.tenant,
        scope=who.scope,
        operation=operation,
        ticket_id=ticket_id,
        condition=Condition.read(request.headers.getlist("if-match")),
        idempotency_key=_idempotency_key(request.headers.getlist("idempotency-key")),
        path=request.url.path,
        body=await request.body(),
        request_id=request.headers.get("interlock-request-id"),
        capability_sha256=capability_sha256(request.headers),
        change=change,
    )


def _idempotency_key(headers: list[str]) -> str | None:
    if not headers:
        return None
    if len(headers) > 1 or not _KEY.fullmatch(headers[0]):
        raise Problem("malformed-request", "send one Idempotency-Key of 1 to 255 visible ASCII characters")
    return headers[0]
