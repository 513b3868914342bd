"""How a seeded ticket is put together: a theme, a stage it has come to, and now and then an aside."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded.helpdesk.customers import Customer
from embedded.helpdesk.database import stamp
from embedded.helpdesk.tickets import Ticket

_START = datetime(2026, 10, 5, 7, 30, tzinfo=UTC)
_BETWEEN = timedelta(hours=6, minutes=40)

#: How far a composed ticket has come; cycled, so that one theme is met at several stages.
_STAGES = (
    "confirmed",
    "unhelpful",
    "new",
    "confirmed",
    "answered",
    "closed",
    "confirmed",
    "unhelpful",
    "new",
)

#: Stage to the theme's texts that were said so far, with who says them and minutes since the ticket came in.
_SAID: dict[str, tuple[tuple[str, str, int], ...]] = {
    "new": (),
    "answered": (("agent", "reply", 35),),
    "confirmed": (("agent", "reply", 35), ("customer", "confirmed", 190)),
    "unhelpful": (("agent", "reply", 35), ("customer", "unhelpful", 260)),
    "closed": (("agent", "reply", 35), ("customer", "confirmed", 190)),
}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a ticket is composed from."""

    id: str
    #: Place among all tickets, which sets its time.
    place: int
    #: Place among its tenant's tickets, which sets its texts.
    number: int
    tenant: dict[str, Any]
    customer: Customer
    theme: dict[str, Any]
    #: The article that resolves the theme, if any.
    article: str | None
    asides: dict[str, list[str]]


def compose(draft: Draft) -> Ticket:
    stage = _STAGES[(draft.number + draft.place) % len(_STAGES)]
    created = _START + _BETWEEN * draft.place
    said = [(who, _pick(draft.theme[text], draft.number), after) for who, text, after in _SAID[stage]]
    ticket = _ticket(
        draft,
        created=created,
        said=said,
        subject=_pick(draft.theme["subjects"], draft.number),
        body=_body(draft),
        status="pending" if stage == "answered" else "open",
        about=draft.theme,
    )
    if stage != "closed":
        return ticket
    closing = stamp(created + timedelta(hours=5))
    return ticket.closed(reason="The customer confirmed the answer.", article=draft.article, at=closing)


def written(draft: Draft, by_hand: dict[str, Any]) -> Ticket:
    """A ticket written by hand in full."""
    said = [(one["who"], one["text"], one["after_minutes"]) for one in by_hand["conversation"]]
    return _ticket(
        draft,
        created=_START + _BETWEEN * draft.place,
        said=said,
        subject=by_hand["subject"],
        body=by_hand["body"],
        status=by_hand["status"],
        about=by_hand,
    )


def filled(text: str, tenant: dict[str, Any]) -> str:
    """The text with the tenant's product and host in it."""
    return text.replace("{product}", tenant["product"]).replace("{host}", tenant["host"])


def _ticket(
    draft: Draft,
    *,
    created: datetime,
    said: list[tuple[str, str, int]],
    subject: str,
    body: str,
    status: str,
    about: dict[str, Any],
) -> Ticket:
    agent = _pick(draft.tenant["agents"], draft.place)
    conversation = [
        {
            "author": agent if who == "agent" else draft.customer.name,
            "at": stamp(created + timedelta(minutes=after)),
            "text": filled(text, draft.tenant),
        }
        for who, text, after in said
    ]
    return Ticket(
        id=draft.id,
        subject=filled(subject, draft.tenant),
        body=filled(body, draft.tenant),
        status=status,
        priority=about["priority"],
        customer_id=draft.customer.id,
        requester={"name": draft.customer.name, "email": draft.customer.email},
        tags=list(about["tags"]),
        conversation=conversation,
        version=1 + len(conversation),
        created_at=stamp(created),
        updated_at=conversation[-1]["at"] if conversation else stamp(created),
    )


def _body(draft: Draft) -> str:
    parts = [_pick(draft.theme["bodies"], draft.number // 2)]
    if draft.place % 8 == 3:
        parts.append(_pick(draft.asides["injections"], draft.place // 8))
    if draft.place % 8 == 6:
        parts.append(_pick(draft.asides["personal"], draft.place // 8))
    return "\n\n".join([*parts, f"{draft.customer.name}, {draft.customer.company}"])


def _pick(texts: str | list[str], number: int) -> str:
    return texts if isinstance(texts, str) else texts[number % len(texts)]
