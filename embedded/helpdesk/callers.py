"""What a route needs of its caller: the right scope, and for reads the fault that is on order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request

from embedded.helpdesk.database import Database
from embedded.helpdesk.execution import InFlight
from embedded.helpdesk.faults import Fate, Faults, Operation
from embedded.helpdesk.keys import Caller, Scope
from embedded.helpdesk.problems import Problem


@dataclass(frozen=True, kw_only=True)
class Helpdesk:
    """The parts that routes share; lives in the app's state."""

    database: Database
    faults: Faults
    in_flight: InFlight


def helpdesk(request: Request) -> Helpdesk:
    found: Helpdesk = request.app.state.helpdesk
    return found


def caller(request: Request, scope: Scope) -> Caller:
    """Raises Problem when the key has another scope: a write key does not read, nor the other way round."""
    found: Caller = request.state.caller
    if found.scope != scope:
        raise Problem("wrong-scope", f"this needs a {scope} key, yours is a {found.scope} key")
    return found


def fate(request: Request) -> Fate:
    found: Fate = request.state.fate
    return found


def reader(operation: Operation, scope: Scope = "read") -> Callable[[Request], Awaitable[str]]:
    """A dependency: the tenant of the key, after whatever fault is on order for the operation."""

    async def tenant(request: Request) -> str:
        found = caller(request, scope)
        await helpdesk(request).faults.strike(operation, fate(request))
        return found.tenant

    return tenant


def writer(request: Request) -> None:
    """A dependency: a write key."""
    caller(request, "write")


def mailer(request: Request) -> None:
    """A dependency: a mail key."""
    caller(request, "mail")


def refunder(request: Request) -> None:
    """A dependency: a refund key."""
    caller(request, "refund")


def control(request: Request) -> None:
    """A dependency: the control key."""
    caller(request, "control")
