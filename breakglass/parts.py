"""What the routes and pages of the break-glass process are given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from breakglass.acting import Acting
from breakglass.door import Doorkeeper
from breakglass.ending import Ending
from breakglass.hands import Hands
from breakglass.members import Members
from breakglass.opening import Openings
from contracts.attempts import Attempts
from contracts.ports import Clock
from gateway.in_force import InForce
from gateway.pages.glass import Broken
from gateway.parts import PagesApp


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that a request can need."""

    env: str
    clock: Clock
    #: Where tokens that prove nothing are put on record.
    attempts: Attempts
    doorkeeper: Doorkeeper
    members: Members
    openings: Openings
    acting: Acting
    ending: Ending
    hands: Hands
    #: None: there are none.
    pages: PagesApp | None = None
    #: Run for as long as the process serves.
    duties: tuple[Callable[[], Awaitable[None]], ...] = ()
    #: Called in this order when it stops.
    closing: tuple[Callable[[], Awaitable[None]], ...] = ()

    async def broken(self) -> tuple[Broken, ...]:
        """None: these pages are about sessions anyway, each for its own tenant's people."""
        return ()

    @property
    def in_force(self) -> InForce:
        return self.members.in_force


def parts_of(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)  # noqa: S101 - breakglass.app puts them there
    return parts


Given = Annotated[Parts, Depends(parts_of)]
