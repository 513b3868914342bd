"""Changing a ticket's priority, tags or status: three fields and no others."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from contracts.action import Change, Preview
from contracts.digest import Json
from contracts.toolbox import Answer
from tools.outcomes import refused
from tools.reply import one_line
from tools.session import WriteRequest
from tools.ticket import TICKET, Ticket, TicketArguments
from tools.ticket_write import TicketChange

_STAKES: Final = {
    "priority": "it is taken up too early or too late",
    "tags": "people look for it in the wrong place",
    "status": "people believe that somebody else has to act on it",
}


def _left_out() -> Any:
    """Of a field that was not named: no value, not even null, is sent for it."""
    return None


class UpdateArguments(TicketArguments):
    """Which ticket, and at least one field. What is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    priority: Annotated[Literal["low", "normal", "high", "urgent"], Field(default_factory=_left_out)]
    tags: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]],
        Field(
            default_factory=_left_out,
            max_length=10,
            description="All tags that the ticket is to have: these take the place of those that it has.",
            json_schema_extra={"uniqueItems": True},
        ),
    ]
    status: Annotated[
        Literal["open", "pending"],
        Field(default_factory=_left_out, description="pending: it waits for the customer."),
    ]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.fields():
            raise ValueError("name at least one of priority, tags and status")
        if "tags" in self.model_fields_set and len(set(self.tags)) != len(self.tags):
            raise ValueError("a tag stands twice")
        return self

    def fields(self) -> dict[str, Json]:
        """The fields that were named, with the values that they are to have."""
        return self.model_dump(exclude_unset=True, exclude={"ticket_id"})


class UpdateTicket(TicketChange[UpdateArguments]):
    """``ticket.update``."""

    version = "1"
    description = (
        "Propose to change a ticket's priority, tags or status. A person reviews the proposal before anything"
        " is changed. Closing has a tool of its own."
    )
    arguments = UpdateArguments
    undone_by = "ticket.update"

    def preview(self, ticket: Ticket, arguments: UpdateArguments) -> Preview | Answer:
        fields = arguments.fields()
        if ticket.status == "closed" and "status" in fields:
            return refused(f"{ticket.id} is closed: reopen it first")
        if all(getattr(ticket, name) == value for name, value in fields.items()):
            return refused(f"{ticket.id} has {' and '.join(fields)} like that already")
        changes = tuple(
            Change(field=name, before=_shown(getattr(ticket, name)), after=_shown(value))
            for name, value in fields.items()
        )
        before = ", ".join(f"{change.field} to {change.before or '(none)'}" for change in changes)
        wrong = "; ".join(_STAKES[name] for name in fields)
        way = "with ticket.update, or " if self.undo_arguments(ticket, arguments) else ""
        return Preview(
            target=ticket.named,
            changes=changes,
            stakes=f"1 ticket of 1 customer ({ticket.customer}): {wrong}.",
            undo=f"At any time: set {before} again {way}in the helpdesk.",
        )

    def undo_arguments(self, ticket: Ticket, arguments: UpdateArguments) -> Json:
        """The fields that it changes, as they are now; None where this tool could not write that."""
        changed = [name for name, value in arguments.fields().items() if getattr(ticket, name) != value]
        undo = {"ticket_id": ticket.id, **{name: getattr(ticket, name) for name in changed}}
        try:
            UpdateArguments.model_validate(undo)
        except ValidationError:
            return None
        return undo

    def request(self, arguments: UpdateArguments) -> WriteRequest:
        return WriteRequest(
            method="PATCH", path=TICKET, parts={"ticket_id": arguments.ticket_id}, body=arguments.fields()
        )


def _shown(value: Json) -> str:
    """A field's value for a card; the helpdesk's own are whatever somebody wrote."""
    return one_line(", ".join(value) if isinstance(value, list) else str(value), 300)
