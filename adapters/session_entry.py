"""What lets an act of break-glass in: its session, its person's word, target and limits, and no policy."""

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.action_rows import read_action
from adapters.admission import ClaimRefused, check_target
from adapters.limits import Counted, exceeded
from adapters.session_standing import closed, holding, named, signed
from adapters.standing import current_people, current_routes
from adapters.switches import Switch
from contracts.break_glass import Session
from contracts.errors import TokenRefused
from contracts.ledger import ClaimRequest
from contracts.run import Outcome
from contracts.tokens import Verifier
from policies.act_seal import confirmed
from policies.break_glass import outside
from policies.people import short_name


class SessionEntry:
    """Implements ``adapters.entry.Entry`` for sessions of break-glass."""

    waits = False

    def __init__(self, verifier: Verifier) -> None:
        """``verifier`` knows the break-glass key."""
        self._verifier = verifier

    async def holding(self, connection: AsyncConnection, request: ClaimRequest, now_ms: int) -> Switch | None:
        return await holding(connection, self._verifier, request.run.warrant, request.frozen.tool, now_ms)

    async def closed(self, connection: AsyncConnection, request: ClaimRequest, now_ms: int) -> str | None:
        return await closed(connection, self._verifier, request.run.warrant, now_ms)

    async def admitted(
        self, connection: AsyncConnection, request: ClaimRequest, now_ms: int
    ) -> tuple[str, ...]:
        session = await self._named(connection, request)
        await _check_people(connection, session)
        await self._check_confirmed(connection, request)
        await check_target(connection, request)
        await _check_limits(connection, request, now_ms)
        return session.opening.opener, session.consenter

    async def over(
        self, connection: AsyncConnection, request: ClaimRequest, _now_ms: int
    ) -> ClaimRefused | None:
        try:
            await self._named(connection, request)
        except ClaimRefused as refusal:
            return refusal
        return None

    async def _named(self, connection: AsyncConnection, request: ClaimRequest) -> Session:
        """The signed session, which names this very tool."""
        session, tool = await signed(connection, self._verifier, request.run.warrant), request.frozen.tool
        if session is None or not named(session, tool) or request.spec.name != tool:
            raise ClaimRefused(f"the session was not opened for {tool}", ("session.tools",), Outcome.DENIED)
        return session

    async def _check_confirmed(self, connection: AsyncConnection, request: ClaimRequest) -> None:
        action = await read_action(connection, request.frozen.run_id, request.frozen.action_id)
        try:
            shown = confirmed(self._verifier, action)
        except TokenRefused as error:
            raise _unconfirmed() from error
        if shown.digest() != request.action_digest:
            raise _unconfirmed()


def _unconfirmed() -> ClaimRefused:
    return ClaimRefused("nobody confirmed it as it was shown", ("act.unconfirmed",), Outcome.REJECTED)


async def _check_people(connection: AsyncConnection, session: Session) -> None:
    """Who opened it and who consented are both of the group still, and stand for the tenant by its name.

    The passkey that signed is the consenter's still: one that was lost is taken out of the people file.
    """
    opening = session.opening
    people = await current_people(connection, opening.env)
    for principal in (opening.opener, session.consenter):
        person = people.by_principal(principal)
        if person is None or outside(person, opening.tenant):
            text = f"{short_name(principal)} may no longer use break-glass on {opening.tenant}"
            raise ClaimRefused(text, ("session.people",), Outcome.DENIED)
    consenter = people.by_principal(session.consenter)
    keys = () if consenter is None else consenter.passkeys
    if session.assertion.credential_id not in [one.credential_id for one in keys]:
        text = f"the passkey with which {short_name(session.consenter)} consented is in force no more"
        raise ClaimRefused(text, ("session.passkey",), Outcome.DENIED)


async def _check_limits(connection: AsyncConnection, request: ClaimRequest, now_ms: int) -> None:
    """Those of every route in force: whoever goes around the agents is bound by each limit that binds one."""
    call = Counted.of_write(request.frozen)
    for route in await current_routes(connection, request.frozen.env):
        found = await exceeded(connection, route, call, now_ms)
        if found is not None:
            text = f"{route.name}: {found.sentence}"
            raise ClaimRefused(text, (f"{found.rule} of {route.name}",), Outcome.DENIED)
