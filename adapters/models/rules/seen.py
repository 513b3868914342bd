"""What a play has in front of it: the run's input, the tools on offer, and what they returned."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from adapters.models.rules import reading
from adapters.models.rules.reading import Article, Ticket
from adapters.models.rules.words import line
from adapters.models.scripted import run_input
from contracts.decision import Call
from contracts.digest import Json
from contracts.run import Outcome
from contracts.transcript import ModelRequest, Role

READ: Final = "tickets.get"
SEARCH: Final = "kb.search"

Plan: TypeAlias = tuple[Call, ...] | str
"""The next calls, or the last text."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request, as a play reads it."""

    request: ModelRequest

    @property
    def input(self) -> dict[str, Any]:
        body = run_input(self.request)
        return body if isinstance(body, dict) else {}

    @property
    def ticket_id(self) -> str | None:
        """The ticket that the run is about."""
        ticket_id = self.input.get("ticket_id")
        return ticket_id if isinstance(ticket_id, str) and 0 < len(ticket_id) <= 100 else None

    @property
    def turn(self) -> int:
        return sum(message.role is Role.ASSISTANT for message in self.request.messages)

    def offers(self, tool: str) -> bool:
        return any(offered.name == tool for offered in self.request.tools)

    def results(self, tool: str) -> list[Json]:
        """What a tool returned, oldest first."""
        results = (message.body for message in self.request.messages if message.role is Role.TOOL)
        return [body for body in results if isinstance(body, dict) and body.get("tool") == tool]

    def last(self, tool: str) -> Json | None:
        """The latest result of a tool."""
        return next(reversed(self.results(tool)), None)

    def good(self, tool: str) -> Json | None:
        """The latest result of a tool, if that succeeded."""
        result = self.last(tool)
        return result if result is not None and result.get("outcome") == Outcome.SUCCEEDED else None

    def ticket(self, ticket_id: str) -> Ticket | Plan:
        """The run's ticket, open and read; else the call that reads it, or why it ends here."""
        if not self.offers(READ):
            return (
                f"The rules model needs the tool {READ}, which this route does not offer: nothing was done."
            )
        result = self.last(READ)
        if result is None:
            return (call(READ, {"ticket_id": ticket_id}, "Read the ticket first."),)
        if result.get("outcome") != Outcome.SUCCEEDED:
            return f"{ticket_id} could not be read ({line(result.get('outcome'), 20)}): nothing was done."
        ticket = reading.ticket(result)
        if ticket is None or ticket.id != ticket_id:
            return f"The answer does not show {ticket_id} as a whole: nothing was done."
        return f"{ticket_id} is closed already: nothing was done." if ticket.closed else ticket

    def search(self, ticket: Ticket) -> tuple[Call, ...]:
        """The call that looks for an article, unless that was tried or there is nothing to look with."""
        if self.last(SEARCH) is not None or not self.offers(SEARCH) or not ticket.words:
            return ()
        words = f"Look for an article that resolves {ticket.id}."
        return (call(SEARCH, {"query": ticket.words}, words),)

    def article(self, ticket: Ticket) -> Article | None:
        """The best article that the search found, if any is about the ticket."""
        found = self.good(SEARCH)
        return None if found is None else reading.best_article(found, ticket)


def call(tool: str, arguments: Json, words: str) -> Call:
    return Call(tool=tool, arguments=arguments, words=words)
