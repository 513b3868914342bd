"""Tickets, as an agent reads them and proposes to close one."""

from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, Field

from contracts.action import Change, Prepared, Preview
from contracts.digest import Json
from contracts.ports import Answer
from tools.operation import Arguments, PythonRead, PythonWrite, Reader
from tools.outcomes import failed, refused
from tools.reply import Reply, Stopped, one_line
from tools.session import WriteRequest

_NO_TICKET: Final = "the helpdesk's answer holds no ticket"
_OTHER_TICKET: Final = "the helpdesk answered with another ticket than the one that was asked for"
_NO_VERSION: Final = "the helpdesk named no version of the ticket, so a change of it cannot be made safely"
_NO_WRITES: Final = "the helpdesk's answer holds no list of writes"

_PATH: Final = "/tickets/{ticket_id}"

_HIDDEN: Final = r"\u0000-\u001F\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF"
"""Control characters, line breaks, what is invisible and what turns the direction of the text."""

_SHOWN: Final = rf"^[^\s{_HIDDEN}][^{_HIDDEN}]*$"
"""What a card shows exactly as it is sent."""

TicketId: TypeAlias = Annotated[
    str, Field(pattern=r"^T-[0-9]{1,9}$", description="Id of the ticket, such as T-18421.")
]


class TicketArguments(Arguments):
    """Which ticket."""

    ticket_id: TicketId


class CloseArguments(Arguments):
    """Which ticket, and why it is done."""

    ticket_id: TicketId
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            pattern=_SHOWN,
            description="Why the ticket is resolved, on one line. The customer sees it.",
        ),
    ]
    resolution_article: Annotated[
        Annotated[str, Field(pattern=r"^KB-[0-9]{1,6}$")] | None,
        Field(description="Id of the article that resolved it, such as KB-12; null where none did."),
    ] = None


class _Requester(BaseModel):
    name: str
    email: str = ""


class _Resolution(BaseModel):
    article: str | None = None


class _Ticket(BaseModel):
    id: str
    subject: str
    body: str
    status: str
    priority: str
    tags: list[str]
    requester: _Requester
    version: int
    conversation: list[dict[str, str]]


class _Target(_Ticket):
    resolution: _Resolution | None = None


class _Write(BaseModel):
    idempotency_key: str | None
    operation: str
    ticket: str
    at: str
    version_after: int


class _Writes(BaseModel):
    writes: list[_Write]


class GetTicket(PythonRead[TicketArguments]):
    """``tickets.get``."""

    version = "1"
    description = "Read one ticket with its conversation, oldest entry first."
    arguments = TicketArguments

    async def read(self, session: Reader, arguments: TicketArguments) -> Json:
        reply = await session.get(_PATH, parts={"ticket_id": arguments.ticket_id})
        ticket = reply.read(_Ticket, _NO_TICKET)
        _same(ticket, arguments.ticket_id)
        return {"ticket": ticket.model_dump()}


class CloseTicket(PythonWrite[CloseArguments]):
    """``ticket.close``."""

    version = "1"
    description = (
        "Propose to close one ticket as resolved. A person reviews the proposal before anything is changed."
    )
    arguments = CloseArguments
    finds = True

    async def prepare(self, session: Reader, arguments: CloseArguments) -> Prepared | Answer:
        reply, ticket = await _target(session, arguments.ticket_id)
        if ticket.status == "closed":
            return refused(f"{ticket.id} is already closed")
        return Prepared(preview=_preview(ticket, arguments), version=_version(reply))

    async def current(self, session: Reader, arguments: CloseArguments) -> str:
        reply, _ = await _target(session, arguments.ticket_id)
        return _version(reply)

    def request(self, arguments: CloseArguments) -> WriteRequest:
        return WriteRequest(
            method="POST",
            path=_PATH + "/close",
            parts={"ticket_id": arguments.ticket_id},
            body={"reason": arguments.reason, "resolution_article": arguments.resolution_article},
        )

    def result(self, reply: Reply) -> Json:
        """The ticket's new state; not its conversation, which the model has read."""
        body = reply.document if isinstance(reply.document, dict) else {}
        told = {name: body[name] for name in ("id", "status", "version") if name in body}
        return {"ticket": told} if told else reply.content()

    async def find(self, session: Reader, key: str) -> Json | None:
        reply = await session.get("/writes", query={"key": key})
        found = reply.read(_Writes, _NO_WRITES).writes
        done = [write.model_dump() for write in found if write.idempotency_key == key]
        return {"writes": done} if done else None


async def _target(session: Reader, ticket_id: str) -> tuple[Reply, _Target]:
    reply = await session.get(_PATH, parts={"ticket_id": ticket_id})
    ticket = reply.read(_Target, _NO_TICKET)
    _same(ticket, ticket_id)
    return reply, ticket


def _same(ticket: _Ticket, ticket_id: str) -> None:
    """A card must not show one ticket and change another."""
    if ticket.id != ticket_id:
        raise Stopped(failed(_OTHER_TICKET))


def _version(reply: Reply) -> str:
    if not reply.etag:
        raise Stopped(failed(_NO_VERSION))
    return reply.etag


def _preview(ticket: _Target, arguments: CloseArguments) -> Preview:
    customer = one_line(ticket.requester.name, 80)
    return Preview(
        target=f"{ticket.id} “{one_line(ticket.subject, 150)}”",
        changes=_changes(ticket, arguments),
        stakes=(
            f"1 customer ({customer}) sees the ticket as resolved;"
            " nobody works on it any more unless it is reopened."
        ),
        undo=f"Reopen {ticket.id} in the helpdesk.",
    )


def _changes(ticket: _Target, arguments: CloseArguments) -> tuple[Change, ...]:
    before = ticket.resolution.article if ticket.resolution else None
    status = Change(field="status", before=one_line(ticket.status, 40), after="closed")
    reason = Change(field="reason", before="", after=arguments.reason)
    if not arguments.resolution_article:
        return status, reason
    return (
        status,
        Change(
            field="resolution",
            before=one_line(before or "", 40),
            after=f"article {arguments.resolution_article}",
        ),
        reason,
    )
