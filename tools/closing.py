"""Closing a ticket as resolved, and opening it again."""

from typing import Annotated, Final, TypeAlias

from pydantic import Field, ValidationError

from contracts.action import Change, Preview
from contracts.digest import Json
from contracts.toolbox import Answer
from tools.outcomes import refused
from tools.reply import one_line
from tools.session import WriteRequest
from tools.shown import LINE
from tools.ticket import TICKET, Resolution, Ticket, TicketArguments
from tools.ticket_write import TicketChange

_Line: TypeAlias = Annotated[str, Field(min_length=1, max_length=500, pattern=LINE)]
_AGAIN: Final = "Opening it again was undone."


class CloseArguments(TicketArguments):
    """Which ticket, and why it is done."""

    reason: Annotated[
        _Line, Field(description="Why the ticket is resolved, on one line. The customer sees it.")
    ]
    resolution_article: Annotated[
        Annotated[str, Field(pattern=r"^KB-[0-9]{1,6}$")] | None,
        Field(description="Id of the article that resolved it, such as KB-12; null where none did."),
    ] = None


class ReopenArguments(TicketArguments):
    """Which ticket, and why it is not done."""

    reason: Annotated[
        _Line, Field(description="Why the ticket is opened again, on one line. The customer sees it.")
    ]


class CloseTicket(TicketChange[CloseArguments]):
    """``ticket.close``."""

    version = "1"
    description = (
        "Propose to close one ticket as resolved. A person reviews the proposal before anything is changed."
    )
    arguments = CloseArguments
    undone_by = "ticket.reopen"

    def preview(self, ticket: Ticket, arguments: CloseArguments) -> Preview | Answer:
        if ticket.status == "closed":
            return refused(f"{ticket.id} is already closed")
        return Preview(
            target=ticket.named,
            changes=_closed(ticket, arguments),
            stakes=(
                f"1 customer ({ticket.customer}) sees the ticket as resolved;"
                " nobody works on it any more unless it is reopened."
            ),
            undo=f"At any time: reopen {ticket.id} with ticket.reopen, or in the helpdesk.",
        )

    def undo_arguments(self, ticket: Ticket, arguments: CloseArguments) -> Json:  # noqa: ARG002 - whatever the reason was
        return {"ticket_id": ticket.id, "reason": "Closing it was undone."}

    def request(self, arguments: CloseArguments) -> WriteRequest:
        return WriteRequest(
            method="POST",
            path=TICKET + "/close",
            parts={"ticket_id": arguments.ticket_id},
            body={"reason": arguments.reason, "resolution_article": arguments.resolution_article},
        )


class ReopenTicket(TicketChange[ReopenArguments]):
    """``ticket.reopen``."""

    version = "1"
    description = (
        "Propose to open a closed ticket again. A person reviews the proposal before anything is changed."
    )
    arguments = ReopenArguments
    undone_by = "ticket.close"

    def preview(self, ticket: Ticket, arguments: ReopenArguments) -> Preview | Answer:
        if ticket.status != "closed":
            return refused(f"{ticket.id} is {one_line(ticket.status, 40)}, not closed")
        return Preview(
            target=ticket.named,
            changes=(
                Change(field="status", before="closed", after="open"),
                *_unresolved(ticket),
                Change(field="reason", before="", after=arguments.reason),
            ),
            stakes=f"1 customer ({ticket.customer}) sees the ticket as open; people work on it again.",
            undo=f"At any time: close {ticket.id} again with ticket.close, or in the helpdesk.",
        )

    def undo_arguments(self, ticket: Ticket, arguments: ReopenArguments) -> Json:  # noqa: ARG002 - whatever the reason was
        """Closed as it was: with its own reason and article, where this tool could have written them."""
        before = ticket.resolution or Resolution()
        as_it_was = {
            "ticket_id": ticket.id,
            "reason": before.reason or _AGAIN,
            "resolution_article": before.article,
        }
        try:
            CloseArguments.model_validate(as_it_was)
        except ValidationError:
            return {"ticket_id": ticket.id, "reason": _AGAIN}
        return as_it_was

    def request(self, arguments: ReopenArguments) -> WriteRequest:
        return WriteRequest(
            method="POST",
            path=TICKET + "/reopen",
            parts={"ticket_id": arguments.ticket_id},
            body={"reason": arguments.reason},
        )


def _closed(ticket: Ticket, arguments: CloseArguments) -> tuple[Change, ...]:
    before = ticket.resolution.article if ticket.resolution else None
    status = Change(field="status", before=one_line(ticket.status, 40), after="closed")
    reason = Change(field="reason", before="", after=arguments.reason)
    if not arguments.resolution_article:
        return status, reason
    after = f"article {arguments.resolution_article}"
    return status, Change(field="resolution", before=one_line(before or "", 40), after=after), reason


def _unresolved(ticket: Ticket) -> tuple[Change, ...]:
    """An article that resolved it is taken off."""
    article = ticket.resolution.article if ticket.resolution else None
    if not article:
        return ()
    return (Change(field="resolution", before=f"article {one_line(article, 40)}", after=""),)
