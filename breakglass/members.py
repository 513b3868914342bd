"""The people of the group, as the people file in force names them, and what each of them may see."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from contracts.approval import Person
from contracts.break_glass import GROUP, SessionRecord, is_session
from contracts.break_glass_ports import Holds, Sessions
from contracts.errors import Halted, PermissionRefused, Refused, Unknown
from gateway.in_force import InForce
from policies.break_glass import outside, tenants_of
from policies.people import People, short_name


@dataclass(frozen=True, kw_only=True)
class Members:
    """Asked at each call: who was taken out of the group has no word from that moment on."""

    in_force: InForce
    sessions: Sessions
    holds: Holds
    env: str

    async def person(self, principal: str) -> Person:
        """Somebody of the group. Raises PermissionRefused."""
        return _in_group(await self.in_force.people(), principal)

    async def of_tenant(self, principal: str, tenant: str) -> Person:
        """Somebody of the group who stands for that tenant by name. Raises PermissionRefused."""
        person = await self.person(principal)
        if why := outside(person, tenant):
            raise PermissionRefused(why)
        return person

    async def visible(self, principal: str, session_id: str) -> tuple[Person, SessionRecord]:
        """Raises Unknown where there is none, or none for them, and PermissionRefused."""
        person = await self.person(principal)
        record = await self.sessions.get(session_id) if is_session(session_id) else None
        if record is None or not self._reaches(person, record):
            raise Unknown(f"there is no session {session_id[:40]!r}, or not for you")
        return person, record

    async def list(self, principal: str) -> tuple[SessionRecord, ...]:
        """Of their tenants, newest first. Raises PermissionRefused."""
        person = await self.person(principal)
        found = await self.sessions.list(self.env)
        return tuple(record for record in found if self._reaches(person, record))

    def _reaches(self, person: Person, record: SessionRecord) -> bool:
        opening = record.opening
        return opening.env == self.env and opening.tenant in tenants_of(person)

    @asynccontextmanager
    async def refusing(self, what: str, actor: str, session_id: str | None = None) -> AsyncIterator[None]:
        """Audit whatever is refused inside, and count it for the session that it is about."""
        try:
            yield
        except (Refused, Halted) as no:
            about = session_id if session_id is not None and is_session(session_id) else None
            await self.sessions.refuse(
                env=self.env, actor=actor, session_id=about, what=what, reason=no.sentence
            )
            # Of a session that they may not know of they change nothing.
            if about is not None and not isinstance(no, Unknown):
                await self.holds.refused(about)
            raise


def _in_group(people: People, principal: str) -> Person:
    person = people.by_principal(principal)
    if person is None or GROUP not in person.groups:
        raise PermissionRefused(f"{short_name(principal)} is not in the group {GROUP}")
    return person
