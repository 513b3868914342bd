"""A write about one ticket: prepared from what the ticket is now, and bound to that version of it."""

from abc import abstractmethod
from typing import Final, TypeVar

from pydantic import BaseModel

from contracts.action import Prepared, Preview
from contracts.digest import Json
from contracts.toolbox import Answer
from tools.operation import PythonWrite, Reader
from tools.reply import Reply
from tools.ticket import Ticket, TicketArguments, read_ticket, version

T = TypeVar("T", bound=TicketArguments)

_NO_WRITES: Final = "the helpdesk's answer holds no list of writes"


class TicketWrite(PythonWrite[T]):
    """A write whose target is a ticket."""

    @abstractmethod
    def preview(self, ticket: Ticket, arguments: T) -> Preview | Answer:
        """What a person must know; an Answer where there is nothing to propose."""

    def undo_arguments(self, ticket: Ticket, arguments: T) -> Json:  # noqa: ARG002 - for those that have one
        """What ``undone_by`` is called with to bring back what this ticket is now; None: nothing does."""
        return None

    async def prepare(self, session: Reader, arguments: T) -> Prepared | Answer:
        reply, ticket = await read_ticket(session, arguments.ticket_id)
        preview = self.preview(ticket, arguments)
        if isinstance(preview, Answer):
            return preview
        undo = self.undo_arguments(ticket, arguments)
        return Prepared(preview=preview, version=version(reply), undo_arguments=undo)

    async def current(self, session: Reader, arguments: T) -> str:
        reply, _ = await read_ticket(session, arguments.ticket_id)
        return version(reply)


class TicketChange(TicketWrite[T]):
    """A write that changes the ticket itself, and that the helpdesk finds again by our key."""

    finds = True

    def result(self, reply: Reply) -> Json:
        """The ticket's new state; not its conversation, which the model has read."""
        body = reply.document if isinstance(reply.document, dict) else {}
        told = {name: body[name] for name in ("id", "status", "priority", "tags", "version") if name in body}
        return {"ticket": told} if told else reply.content()

    async def find(self, session: Reader, key: str) -> Json | None:
        reply = await session.get("/writes", query={"key": key})
        found = reply.read(_Writes, _NO_WRITES).writes
        done = [write.model_dump() for write in found if write.idempotency_key == key]
        return {"writes": done} if done else None


class _Write(BaseModel):
    idempotency_key: str | None
    operation: str
    ticket: str
    at: str
    version_after: int


class _Writes(BaseModel):
    writes: list[_Write]
