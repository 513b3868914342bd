"""One write of each kind of retry, as a model proposes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.acceptance.stack_world import Json


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A tool, and a call of it on a ticket that says something new each time."""

    tool: str
    #: The helpdesk's own name for it.
    operation: str
    call: Callable[[str, int], Json]


def _call(tool: str, **args: object) -> Json:
    return {"tool": tool, "args": args}


KINDS: Final[Mapping[str, Kind]] = {
    "native": Kind(
        tool="ticket.close",
        operation="close",
        call=lambda ticket, _: _call("ticket.close", ticket_id=ticket, reason="It works again."),
    ),
    "lookup": Kind(
        tool="ticket.update",
        operation="patch",
        call=lambda ticket, number: _call("ticket.update", ticket_id=ticket, tags=[f"chaos-{number}"]),
    ),
    "none": Kind(
        tool="email.send",
        operation="send_mail",
        call=lambda ticket, number: _call(
            "email.send", ticket_id=ticket, subject=f"Your ticket {number}", body="We looked into it."
        ),
    ),
}
