"""One session of break-glass over a real store, by the break-glass login, beside the agents' world."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.actions import StoreActions
from adapters.alerts import read_alert
from adapters.audit_log import AuditQuery
from adapters.break_glass_acts import StoreActs
from adapters.break_glass_sessions import StoreOpenings
from adapters.claim_rows import LEASE_MS
from adapters.keys import KeyRing, SigningKey, thumbprint
from adapters.ledger import StoreLedger
from adapters.run_rows import read_session_run
from adapters.schema import actions, alerts, audit, audit_tips, claims, openings, outbox, runs
from adapters.session_entry import SessionEntry
from adapters.store import Store
from adapters.tokens import JwtSigner, JwtVerifier
from contracts.action import Frozen, Prepared, Undo
from contracts.alert import Alert
from contracts.break_glass import GROUP, ActSeal, Opening, Session, SessionState, new_session_id
from contracts.break_glass_ports import End, NewAct
from contracts.digest import digest
from contracts.ledger import Claim, ClaimRequest, Conclusion
from contracts.passkey import Assertion
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tokens import Purpose
from contracts.tool import Retry, ToolSpec
from policies.people import People
from tests.integration.approved_write import asking
from tests.integration.test_gateway_world import (
    CATALOGUE,
    CLOSE,
    ENV,
    PREVIEW,
    SIGNING,
    World,
    opened,
    person,
)

T = TypeVar("T")

DONE: Final = Conclusion(outcome=Outcome.SUCCEEDED, content="{}", text="T-1 is closed.", duration_ms=3)
UNKNOWN: Final = replace(DONE, outcome=Outcome.UNKNOWN, text="nobody knows")
NATIVE: Final = Retry(kind="native", retention_seconds=86_400)
MINUTES: Final = 10
PEOPLE: Final = People(
    people=(
        *(person(name, groups=("support-leads", GROUP)) for name in ("ada", "grace")),
        person("linus"),
        person("mallory", groups=()),
    )
)
_KEY: Final = Ed25519PrivateKey.generate()
_RING: Final = KeyRing(keys={Purpose.BREAK_GLASS: _KEY.public_key()})
SIGNER: Final = JwtSigner(
    [SigningKey(kid=thumbprint(_KEY.public_key()), purpose=Purpose.BREAK_GLASS, private=_KEY)]
)
_BOOKS: Final = (runs, actions, claims, openings, alerts, outbox, audit, audit_tips)
ASSERTION: Final = Assertion(
    credential_id=SIGNING["grace"].passkey.credential_id,
    authenticator_data="a",
    client_data="d",
    signature="s",
)


def seal(frozen: Frozen, **changes: Any) -> str:
    """The process's word that its person confirmed these bytes."""
    known = ActSeal(
        session_id=frozen.run_id, action_id=frozen.action_id, action_digest=frozen.digest(), confirmed_ms=1
    )
    return SIGNER.sign(Purpose.BREAK_GLASS, replace(known, **changes).claims())


class Killed(Exception):
    """The process died before its transaction was through."""


class Dying(Store):
    """A store whose process dies at the end of every write, before it commits."""

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async def killed(connection: AsyncConnection) -> T:
            await work(connection)
            raise Killed

        return await super().write(killed)


@dataclass
class Glass:
    """The break-glass process's books, and what its person does."""

    world: World
    url: str
    store: Store
    verifier: JwtVerifier = field(default_factory=lambda: JwtVerifier(_RING))

    @property
    def sessions(self) -> StoreOpenings:
        return StoreOpenings(self.store, self.world.clock)

    @property
    def acts(self) -> StoreActs:
        return StoreActs(store=self.store, verifier=self.verifier, clock=self.world.clock)

    @property
    def actions(self) -> StoreActions:
        return StoreActions(self.store, self.world.clock)

    @property
    def ledger(self) -> StoreLedger:
        return StoreLedger(self.store, SessionEntry(self.verifier), self.world.clock)

    def opening(self, **changes: Any) -> Opening:
        known = Opening(
            session_id=new_session_id(),
            tenant="acme",
            env=ENV,
            tools=("ticket.close",),
            catalogue_digest=CATALOGUE.digest(),
            reason="The agents close nothing since noon.",
            minutes=MINUTES,
            overrides=(),
            opener="principal:ada",
            asked_ms=self.world.clock.now_ms(),
        )
        return replace(known, **changes)

    def session(self, opening: Opening) -> Session:
        now = self.world.clock.now_ms()
        return Session(
            opening=opening,
            consenter="principal:grace",
            assertion=ASSERTION,
            opened_ms=now,
            until_ms=now + opening.minutes * 60_000,
        )

    async def open(self, opening: Opening | None = None, **changes: Any) -> WarrantedRun:
        """A session that Ada asked for and Grace consented to."""
        asked = opening or self.opening(**changes)
        await self.sessions.ask(asked)
        return await self.consented(asked)

    async def consented(self, opening: Opening) -> WarrantedRun:
        session = self.session(opening)
        token = SIGNER.sign(Purpose.BREAK_GLASS, session.claims())
        await self.sessions.open(session, token, ("principal:linus",))
        record = await self.store.look(lambda connection: read_session_run(connection, opening.session_id))
        return WarrantedRun(warrant=session.warrant(), warrant_digest=digest(token), record=record)

    async def proposed(self, run: WarrantedRun, key: str = "k-1", *, target: str = "T-1") -> ActionRecord:
        arguments = {"ticket_id": target}
        act = NewAct(key=key, tool=CLOSE.name, effect=CLOSE.effect, arguments=arguments)
        return await self.acts.propose(run, act)

    async def frozen(self, run: WarrantedRun, key: str = "k-1", *, target: str = "T-1") -> Frozen:
        action = await self.proposed(run, key, target=target)
        undo = Undo(tool="ticket.reopen", arguments={"ticket_id": target})
        prepared = Prepared(preview=replace(PREVIEW, target=target), version='"1"')
        return await self.actions.freeze(run, action, CLOSE, prepared, undo=undo)

    async def confirmed(self, run: WarrantedRun, key: str = "k-1", *, target: str = "T-1") -> "Act":
        """An act that its person confirmed."""
        frozen = await self.frozen(run, key, target=target)
        await self.acts.confirmed(run, frozen.action_id, frozen.digest(), seal(frozen))
        return Act(glass=self, run=run, frozen=frozen)

    async def close(self, run: WarrantedRun) -> None:
        how = End(state=SessionState.CLOSED, actor="principal:grace", why="done")
        await self.sessions.end(run.warrant.run_id, how)

    async def switch(self, scope: str, *, stopped: bool = True) -> None:
        await self.world.switches.set(
            env=ENV, scope=scope, stopped=stopped, reason="looking into it", actor="op:x", until_ms=None
        )

    async def alerts(self) -> list[Alert]:
        """Every alert, in its order, as its carrier reads it."""
        newest = select(alerts.c.alert_id).order_by(alerts.c.at_ms)

        async def work(connection: AsyncConnection) -> list[Alert]:
            names = (await connection.scalars(newest)).all()
            return [await read_alert(connection, name) for name in names]

        return await self.store.look(work)

    async def audited(self, kind: str = "break_glass", tenant: str = "acme") -> list[dict[str, Any]]:
        """What a tenant's chain says, each record with its reason to be read."""
        found = await self.world.audit.search(AuditQuery(tenant=tenant))
        return [one.record | {"reason": one.reason} for one in found if one.record["kind"] == kind]

    @asynccontextmanager
    async def dying(self) -> AsyncIterator["Glass"]:
        """The same process in whose transactions everything is written, and nothing committed."""
        store = Dying(self.url, self.world.contents)
        yield replace(self, store=store)
        await store.close()

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator["Glass"]:
        """A process that was started just now, and has no content key at hand."""
        store = Store(self.url, self.world.contents)
        yield replace(self, store=store)
        await store.close()

    async def books(self) -> str:
        """Every row of everything that a session writes."""
        async with self.world.store.read() as connection:
            found = [(await connection.execute(select(table))).all() for table in _BOOKS]
        return repr(found)


@dataclass
class Act:
    """A confirmed act, and the ledger that is asked about it."""

    glass: Glass
    run: WarrantedRun
    frozen: Frozen
    spec: ToolSpec = CLOSE

    def request(self, holder: str = "one", retry: Retry | None = None, **changes: Any) -> ClaimRequest:
        spec = replace(self.spec, retry=retry or Retry())
        return asking(self.run, replace(self.frozen, **changes), spec, holder)

    async def claim(self, holder: str = "one", retry: Retry | None = None, **changes: Any) -> Claim:
        return await self.glass.ledger.claim(self.request(holder, retry, **changes))

    async def settle(self, claim: Claim, conclusion: Conclusion = DONE) -> None:
        await self.glass.ledger.settle(self.request(), claim.fence, conclusion)

    async def action(self) -> ActionRecord:
        return await self.glass.actions.get(self.run, self.frozen.action_id)

    def lapse(self) -> None:
        """The claim's holder is heard of no more."""
        self.glass.world.clock.at_ms += LEASE_MS


@asynccontextmanager
async def beside(store_url: Path | str) -> AsyncIterator[Glass]:
    """The agents' world, and the books of the break-glass process in it."""
    async with opened(store_url) as world:
        await world.documents.publish(ENV, "people", "people", PEOPLE.document(), actor="op:test")
        yield Glass(world=world, url=str(store_url), store=world.stores["break_glass"])
