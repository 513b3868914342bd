"""Updating: priority, tags and status of one ticket, from how far it has come and how bad it is."""

import re
from typing import Any, Final

from adapters.models.rules.ending import Deed
from adapters.models.rules.reading import Ticket
from adapters.models.rules.seen import Plan, Seen, call

UPDATE: Final = "ticket.update"

PRIORITIES: Final = ("low", "normal", "high", "urgent")

#: What a ticket describes, and the priority that this has at least. Nobody's call for one is among it.
_GRAVE: Final = (
    (
        "urgent",
        re.compile(
            r"\b(vanished|disappeared|data loss|missing (entries|work|data|records)"
            r"|(entries|work|data|records)( \w+){0,4} (missing|lost|gone))\b",
            re.IGNORECASE,
        ),
    ),
    (
        "high",
        re.compile(
            r"\b(outage|locked out|cannot (log in|get into)|stolen|charged twice|be erased|was erased)\b",
            re.IGNORECASE,
        ),
    ),
)
_TAG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TAGS: Final = 10


def plan(seen: Seen, ticket_id: str) -> Plan:
    """Read, then at most one change."""
    updated = seen.last(UPDATE)
    if updated is not None:
        return _deed(ticket_id).ending(updated)
    ticket = seen.ticket(ticket_id)
    if not isinstance(ticket, Ticket):
        return ticket
    because, fields = _fields(ticket)
    if not fields:
        return f"{ticket.id} stays as it is: {because}."
    return (call(UPDATE, {"ticket_id": ticket.id, **fields}, f"Change {ticket.id}: {because}."),)


def _fields(ticket: Ticket) -> tuple[str, dict[str, Any]]:
    """Why, and the fields that are to change, with what they are to be."""
    if ticket.confirmed:
        return "the customer says that it works", _changed(ticket, status="pending", tag="confirmed")
    if ticket.in_vain:
        raised = _step_up(ticket.priority)
        fields = _changed(ticket, status="open", tag="escalated", priority=raised)
        return "the customer says that help was in vain", fields
    if ticket.answer:
        fields = _changed(ticket, status="open", tag="answered", priority=_deserved(ticket))
        return "the customer answered, and does not say whether it works", fields
    if ticket.replied:
        return "it waits for the customer", _changed(ticket, status="pending", priority=_deserved(ticket))
    return "nobody has answered it yet", _changed(ticket, tag="unanswered", priority=_deserved(ticket))


def _changed(
    ticket: Ticket, *, status: str | None = None, tag: str | None = None, priority: str | None = None
) -> dict[str, Any]:
    """What of this is not so already."""
    fields: dict[str, Any] = {}
    if priority is not None and priority != ticket.priority:
        fields["priority"] = priority
    if tag is not None and tag not in ticket.tags and _may_grow(ticket.tags):
        fields["tags"] = [*ticket.tags, tag]
    if status is not None and status != ticket.status:
        fields["status"] = status
    return fields


def _may_grow(tags: tuple[str, ...]) -> bool:
    """Tags are set as a whole: where one of those that stand could not be set again, none is added."""
    return len(tags) < _TAGS and len(set(tags)) == len(tags) and all(map(_TAG.fullmatch, tags))


def _step_up(priority: str) -> str | None:
    """One step, up to high: urgent is for what is grave by itself."""
    place = _place(priority)
    return None if place is None or place >= 2 else PRIORITIES[place + 1]


def _deserved(ticket: Ticket) -> str | None:
    """The priority that what it describes has at least, where that is more than it has."""
    said = f"{ticket.subject} {ticket.body}"
    found = next((priority for priority, words in _GRAVE if words.search(said)), None)
    place = _place(ticket.priority)
    return found if found and place is not None and PRIORITIES.index(found) > place else None


def _place(priority: str) -> int | None:
    return PRIORITIES.index(priority) if priority in PRIORITIES else None


def _deed(ticket_id: str) -> Deed:
    return Deed(
        done=f"{ticket_id} was changed",
        undone=f"{ticket_id} was not changed",
        doing="changing it",
        whether=f"{ticket_id} was changed",
    )
