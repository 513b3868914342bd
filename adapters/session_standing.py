"""What holds right now of a session of break-glass, as one transaction sees it."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.schema import openings
from adapters.switches import Switch, relevant
from contracts.break_glass import Overridden, Session, SessionState
from contracts.errors import TokenRefused
from contracts.tokens import Purpose, Verifier, Warrant
from policies.times import moment


async def signed(connection: AsyncConnection, verifier: Verifier, warrant: Warrant) -> Session | None:
    """The session as the break-glass key signed it, open or not; None where it signed no such one."""
    token = await connection.scalar(
        select(openings.c.token).where(openings.c.session_id == warrant.run_id, openings.c.env == warrant.env)
    )
    if token is None:
        return None
    try:
        session = Session.read(verifier.verify(Purpose.BREAK_GLASS, token))
    except TokenRefused:
        return None
    return session if session.warrant() == warrant else None


async def closed(
    connection: AsyncConnection, verifier: Verifier, warrant: Warrant, now_ms: int
) -> str | None:
    """Why nothing of the session may happen any more. When it ends its signed token says, and not its row."""
    session = await signed(connection, verifier, warrant)
    if session is None:
        return "nobody opened such a session of break-glass"
    state = await connection.scalar(select(openings.c.state).where(openings.c.session_id == warrant.run_id))
    if state != SessionState.OPEN:
        return "the session of break-glass has ended"
    if now_ms >= session.until_ms:
        return f"the session of break-glass was open until {moment(session.until_ms)}"
    return None


async def holding(
    connection: AsyncConnection, verifier: Verifier, warrant: Warrant, tool: str, now_ms: int
) -> Switch | None:
    """A kill switch that holds this act back: any but those of whose very stop the opening speaks."""
    session = await signed(connection, verifier, warrant)
    past = frozenset() if session is None else frozenset(session.opening.overrides)
    found = await relevant(connection, env=warrant.env, tenant=warrant.tenant, route=warrant.route, tool=tool)
    return next((one for one in found if one.holds(now_ms) and _stop(one) not in past), None)


def named(session: Session | None, tool: str) -> bool:
    """Whether it was opened for this tool."""
    return session is not None and tool in session.opening.tools


def _stop(switch: Switch) -> Overridden | None:
    if switch.stopped_ms is None:
        return None
    return Overridden(scope=switch.scope, stopped_ms=switch.stopped_ms)
