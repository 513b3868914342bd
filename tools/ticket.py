"""One ticket, as the helpdesk answers it and as a card names it."""

from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, Field

from contracts.digest import Json
from tools.operation import Arguments, Reader
from tools.outcomes import failed
from tools.reply import Reply, Stopped, one_line

_NO_TICKET: Final = "the helpdesk's answer holds no ticket"
_OTHER_TICKET: Final = "the helpdesk answered with another ticket than the one that was asked for"
_NO_VERSION: Final = "the helpdesk named no version of the ticket, so a change of it cannot be made safely"

TICKET: Final = "/tickets/{ticket_id}"

TicketId: TypeAlias = Annotated[
    str, Field(pattern=r"^T-[0-9]{1,9}$", description="Id of the ticket, such as T-18421.")
]


class TicketArguments(Arguments):
    """Which ticket."""

    ticket_id: TicketId


class Requester(BaseModel):
    """Who asked."""

    name: str
    email: str = ""


class Resolution(BaseModel):
    """How a closed ticket was resolved."""

    reason: str | None = None
    article: str | None = None


class Ticket(BaseModel):
    """A ticket; everything in it is what somebody wrote."""

    id: str
    subject: str
    body: str
    status: str
    priority: str
    tags: list[str]
    customer_id: str
    requester: Requester
    version: int
    conversation: list[dict[str, str]]
    resolution: Resolution | None = None

    def document(self) -> Json:
        """What the model reads of it."""
        return self.model_dump(exclude={"resolution"})

    @property
    def named(self) -> str:
        """Id and subject, for a card."""
        return f"{self.id} “{one_line(self.subject, 150)}”"

    @property
    def customer(self) -> str:
        """The requester's name, for a card."""
        return one_line(self.requester.name, 80)


async def read_ticket(session: Reader, ticket_id: str) -> tuple[Reply, Ticket]:
    """The ticket that was asked for. Raises Stopped: a card must not show one and change another."""
    reply = await session.get(TICKET, parts={"ticket_id": ticket_id})
    ticket = reply.read(Ticket, _NO_TICKET)
    if ticket.id != ticket_id:
        raise Stopped(failed(_OTHER_TICKET))
    return reply, ticket


def version(reply: Reply) -> str:
    """The version of the ticket that was read. Raises Stopped where none was named."""
    return reply.version(_NO_VERSION)
