"""Sessions of break-glass: asked for, opened and ended, each change audited and announced with itself."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import jwt
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import session_end
from adapters.alerts import raise_alert, session_alert
from adapters.audit_log import append
from adapters.contents import require_key, sealed
from adapters.opening_rows import UNENDED, read_session, read_unended, record, session_record
from adapters.questions import break_off
from adapters.run_rows import read_session_run, run_place
from adapters.schema import openings, runs, switches
from adapters.standing import current_people
from adapters.store import Store
from adapters.switches import read_switch
from contracts.audit import SYSTEM_TENANT, AuditRecord
from contracts.break_glass import (
    MOST_ASKED,
    ROUTE,
    Opening,
    Overridden,
    Session,
    SessionRecord,
    SessionState,
)
from contracts.break_glass_ports import End
from contracts.digest import canonical, digest
from contracts.errors import Conflict, PermissionRefused
from contracts.ports import Clock
from contracts.run import RunState
from policies.break_glass import lapses_ms
from policies.break_glass_words import asked, opened, skipped

_HOUR_MS = 3_600_000


class StoreOpenings:
    """Implements ``contracts.break_glass_ports.Sessions``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def ask(self, opening: Opening) -> SessionRecord:
        async def work(connection: AsyncConnection) -> SessionRecord:
            require_key(connection, opening.tenant, opening.env)
            await _check_alone(connection, opening)
            await connection.execute(insert(openings).values(_row(opening)))
            why = f"{', '.join(opening.tools)} for {opening.minutes} min: {opening.reason}"
            told = session_record(
                opening, opening.asked_ms, actor=opening.opener, outcome="asked", reason=why
            )
            await append(connection, told)
            words = asked(opening, lapses_ms(opening))
            await raise_alert(connection, session_alert(opening, words, opening.asked_ms))
            return await read_session(connection, opening.session_id)

        return await self._store.write(work)

    async def get(self, session_id: str) -> SessionRecord:
        return await self._store.look(lambda connection: read_session(connection, session_id))

    async def list(self, env: str, *, limit: int = 50) -> tuple[SessionRecord, ...]:
        newest = openings.c.asked_ms.desc(), openings.c.session_id.desc()
        statement = select(openings).where(openings.c.env == env).order_by(*newest).limit(limit)

        async def work(connection: AsyncConnection) -> tuple[SessionRecord, ...]:
            return tuple([record(connection, row) for row in await connection.execute(statement)])

        return await self._store.look(work)

    async def unended(self, env: str) -> tuple[SessionRecord, ...]:
        return await self._store.look(lambda connection: read_unended(connection, env))

    async def open(self, session: Session, token: str, told: Sequence[str]) -> SessionRecord:
        opening = session.opening

        async def work(connection: AsyncConnection) -> SessionRecord:
            found = await read_session(connection, opening.session_id)
            if found.state is not SessionState.WAITING or found.opening != opening:
                raise Conflict(f"{opening.session_id} does not wait for this consent any more")
            values = {
                "state": SessionState.OPEN,
                "token": token,
                "consenter": session.consenter,
                "opened_ms": session.opened_ms,
                "until_ms": session.until_ms,
                "told": json.dumps(list(told)),
            }
            own = openings.c.session_id == opening.session_id
            await connection.execute(update(openings).where(own).values(values))
            await _put_run(connection, session, token)
            await _tell(connection, session, told)
            return await read_session(connection, opening.session_id)

        return await self._store.write(work)

    async def end(self, session_id: str, end: End) -> SessionRecord:
        async def work(connection: AsyncConnection) -> SessionRecord:
            found = await read_session(connection, session_id)
            return await session_end.end(connection, found, end, self._clock.now_ms())

        return await self._store.write(work)

    async def break_off(self, session_id: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            run = await read_session_run(connection, session_id)
            await break_off(connection, run, self._clock.now_ms())

        await self._store.write(work)

    async def stops(self, env: str, scopes: Sequence[str]) -> tuple[Overridden, ...]:
        statement = select(switches).where(switches.c.env == env, switches.c.scope.in_(scopes))
        async with self._store.read() as connection:
            found = [read_switch(row) for row in await connection.execute(statement)]
        now = self._clock.now_ms()
        return tuple(
            Overridden(scope=one.scope, stopped_ms=one.stopped_ms)
            for one in found
            if one.holds(now) and one.stopped_ms is not None
        )

    async def acted_for(self, tenant: str, env: str) -> frozenset[str]:
        statement = select(runs.c.caller, runs.c.on_behalf_of, runs.c.warrant).where(
            runs.c.tenant == tenant, runs.c.env == env, runs.c.ended_ms.is_(None), runs.c.route != ROUTE
        )
        async with self._store.read() as connection:
            found = (await connection.execute(statement)).all()
        named = {name for row in found for name in (row.caller, row.on_behalf_of, *_delegation(row.warrant))}
        return frozenset(name for name in named if name)

    async def refuse(self, *, env: str, actor: str, session_id: str | None, what: str, reason: str) -> None:
        """In the system's chain: who is refused does not choose whose log it stands in."""
        told = AuditRecord(
            kind="break_glass",
            at_ms=self._clock.now_ms(),
            tenant=SYSTEM_TENANT,
            env=env,
            actor=actor,
            outcome="refused",
            run_id=session_id,
            route=ROUTE,
            reason=f"{what}: {reason}",
        )
        await self._store.write(lambda connection: append(connection, told))


async def _check_alone(connection: AsyncConnection, opening: Opening) -> None:
    """Raises Conflict where its opener has a session that has not ended, or asks all the time."""
    other = await connection.scalar(
        select(openings.c.session_id).where(
            openings.c.env == opening.env,
            openings.c.opener == opening.opener,
            openings.c.state.in_(UNENDED),
        )
    )
    if other is not None:
        raise Conflict(f"{other} is yours and has not ended; a person has one session at a time")
    asked = await connection.scalar(
        select(func.count())
        .select_from(openings)
        .where(
            openings.c.env == opening.env,
            openings.c.opener == opening.opener,
            openings.c.asked_ms > opening.asked_ms - _HOUR_MS,
        )
    )
    if (asked or 0) >= MOST_ASKED:
        raise Conflict(f"you asked for {MOST_ASKED} sessions within the hour; somebody else has to ask now")


def _row(opening: Opening) -> dict[str, object]:
    return {
        "session_id": opening.session_id,
        "tenant": opening.tenant,
        "env": opening.env,
        "opener": opening.opener,
        "opening": canonical(opening.document()).decode(),
        "opening_digest": opening.digest(),
        "state": SessionState.WAITING,
        "asked_ms": opening.asked_ms,
    }


async def _put_run(connection: AsyncConnection, session: Session, token: str) -> None:
    """The row that its acts belong to, where a run has its own. It has no execution, and nobody starts it."""
    warrant = session.warrant()
    await connection.execute(
        insert(runs).values(
            run_id=warrant.run_id,
            request_id=warrant.request_id,
            tenant=warrant.tenant,
            env=warrant.env,
            caller=warrant.caller,
            start_hash=digest(["break-glass session", warrant.run_id]),
            body_digest=warrant.input_digest,
            route=warrant.route,
            policy_digest=warrant.policy_digest,
            catalogue_digest=warrant.catalogue_digest,
            warrant=token,
            input=sealed(connection, run_place(warrant, "input"), canonical(None).decode()),
            budget=canonical(asdict(warrant.budget)).decode(),
            state=RunState.RUNNING,
            created_ms=session.opening.asked_ms,
            started_ms=session.opened_ms,
        )
    )


async def _tell(connection: AsyncConnection, session: Session, told: Sequence[str]) -> None:
    """The audit, the channel, and each who is skipped, where Slack knows them."""
    opening, now = session.opening, session.opened_ms
    why = f"{opening.opener} asked, {session.consenter} consented: {', '.join(opening.tools)}"
    approvers = (opening.opener, session.consenter)
    await append(
        connection,
        session_record(
            opening, now, actor=session.consenter, outcome="open", reason=why, approvers=approvers
        ),
    )
    await raise_alert(connection, session_alert(opening, opened(session, told), now, actor=session.consenter))
    people = await current_people(connection, opening.env)
    for principal in told:
        person = people.by_principal(principal)
        if person is not None and person.slack_user:
            alert = session_alert(
                opening, skipped(session), now, actor=session.consenter, whom=person.slack_user
            )
            await raise_alert(connection, alert)


def _delegation(token: str) -> tuple[str, ...]:
    """Whom else a run acts for, as its warrant says. The break-glass process has no key that verifies it: it
    is read beside columns that nobody signed either, and whoever adds a name to it refuses somebody.

    Raises PermissionRefused where it cannot be read: the run may act for anybody.
    """
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return tuple(claims.get("delegation", ()))
    except (jwt.PyJWTError, TypeError) as error:
        raise PermissionRefused("nobody can read whom an open run of this tenant acts for") from error
