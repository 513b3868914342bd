"""Opening: one person asks, another consents with a passkey, and only then is there a session."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from breakglass.holding import Holding
from breakglass.members import Members
from contracts.approval import Person
from contracts.break_glass import (
    Opening,
    Overridden,
    Session,
    SessionRecord,
    SessionState,
    new_session_id,
)
from contracts.break_glass_ports import Sessions
from contracts.errors import Conflict, Malformed, PermissionRefused
from contracts.passkey import Assertion
from contracts.ports import Clock, PasskeyVerifier
from contracts.tokens import Purpose, Signer
from gateway.in_force import InForce
from policies.break_glass import inconsent, outside, skipped, subject_of_a_run, unfit, until_ms
from policies.people import People, short_name

_LONGEST_TOKEN: Final = 8_192
"""Characters that a header of a request to a tool's service may take."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person asks for, in their own words."""

    tenant: str
    tools: tuple[str, ...]
    minutes: int
    reason: str
    #: Scopes of kill switches to go past.
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Openings:
    """Everything is looked at when it is asked for, and once more when it is consented to."""

    members: Members
    sessions: Sessions
    in_force: InForce
    passkeys: PasskeyVerifier
    signer: Signer
    holding: Holding
    clock: Clock
    env: str

    async def ask(self, principal: str, wish: Wish) -> SessionRecord:
        """Write down what somebody asks for, and tell everybody.

        Raises:
            PermissionRefused: not this person, or not this tenant.
            Malformed: it is nothing that anybody may consent to.
            Conflict: a session of theirs has not ended.
        """
        async with self.members.refusing("open", principal):
            person = await self.members.person(principal)
            return await self.sessions.ask(await self._opening(person, wish))

    async def consent(
        self, principal: str, session_id: str, opening_digest: str, assertion: Assertion
    ) -> SessionRecord:
        """Open it, on the second person's signature.

        Raises:
            Unknown: there is no such session, or not for this person.
            PermissionRefused: this person's consent does not count, or nobody's does any more.
            Conflict: it does not wait any more, or it is not what was signed.
        """
        async with self.members.refusing("consent", principal, session_id):
            person, record = await self.members.visible(principal, session_id)
            await self._check_consent(person, record, opening_digest, assertion)
            return await self._opened(person, record.opening, assertion)

    async def _opening(self, person: Person, wish: Wish) -> Opening:
        digest, catalogue = await self.in_force.catalogue()
        people = await self.in_force.people()
        opening = Opening(
            session_id=new_session_id(),
            tenant=wish.tenant,
            env=self.env,
            tools=tuple(sorted(set(wish.tools))),
            catalogue_digest=digest,
            reason=wish.reason,
            minutes=wish.minutes,
            overrides=(),
            opener=person.principal,
            asked_ms=self.clock.now_ms(),
        )
        opening = replace(opening, overrides=await self._overridden(sorted(set(wish.overrides))))
        if why := unfit(opening, catalogue, people):
            raise Malformed(why)
        await self._check_person(person, opening)
        return opening

    async def _check_person(self, person: Person, opening: Opening) -> None:
        acted_for = await self.sessions.acted_for(opening.tenant, opening.env)
        if why := outside(person, opening.tenant) or subject_of_a_run(person, acted_for):
            raise PermissionRefused(why)

    async def _overridden(self, scopes: Sequence[str]) -> tuple[Overridden, ...]:
        found = await self.sessions.stops(self.env, scopes)
        for scope in set(scopes) - {one.scope for one in found}:
            raise Malformed(f"nothing is stopped by {scope[:200]} right now, so there is nothing to go past")
        return tuple(sorted(found, key=lambda one: one.scope))

    async def _check_consent(
        self, person: Person, record: SessionRecord, opening_digest: str, assertion: Assertion
    ) -> None:
        opening = record.opening
        if record.state is not SessionState.WAITING:
            raise Conflict(f"it is {record.state}, and does not wait for a consent")
        if why := inconsent(opening, person, self.clock.now_ms()):
            raise PermissionRefused(why)
        if opening_digest != opening.digest():
            raise Conflict("this is consent to another opening; read it again")
        await self._check_still(person, opening)
        if not self.passkeys.verified(assertion, person, opening.digest()):
            raise PermissionRefused(
                f"no passkey of {short_name(person.principal)} in force signed this opening on these pages"
            )

    async def _check_still(self, person: Person, opening: Opening) -> None:
        """What held when it was asked for holds yet, of the opener too."""
        opener = await self.members.of_tenant(opening.opener, opening.tenant)
        for one in (opener, person):
            await self._check_person(one, opening)
        digest, catalogue = await self.in_force.catalogue()
        if digest != opening.catalogue_digest:
            raise Conflict("the tools in force are others than those that were asked for; ask again")
        if why := unfit(opening, catalogue, await self.in_force.people()):
            raise PermissionRefused(why)

    async def _opened(self, person: Person, opening: Opening, assertion: Assertion) -> SessionRecord:
        now = self.clock.now_ms()
        session = Session(
            opening=opening,
            consenter=person.principal,
            assertion=assertion,
            opened_ms=now,
            until_ms=until_ms(opening, now),
        )
        told = await self._skipped(session, await self.in_force.people())
        token = self.signer.sign(Purpose.BREAK_GLASS, session.claims())
        if len(token) > _LONGEST_TOKEN:
            raise PermissionRefused("this passkey's answer is longer than a device's; use another one")
        record = await self.sessions.open(session, token, told)
        await self.holding.begin(opening.session_id, opening.minutes)
        return record

    async def _skipped(self, session: Session, people: People) -> tuple[str, ...]:
        routes = [(await self.in_force.route(name))[1] for name in await self.in_force.routes()]
        return skipped(session.opening, session.consenter, routes, people)
