"""Who is signed in on these pages: kept in this process alone.

The agents' gateway writes rows of its own pages' sessions, so no row of the store says who anybody is here.
After a restart people sign in again; a link of before it that has not run out would sign in once more.
"""

from dataclasses import dataclass, field

from contracts.ports import Clock
from gateway.ports import SignedIn


@dataclass(frozen=True, kw_only=True)
class _Session:
    principal: str
    until_ms: int


@dataclass(frozen=True, kw_only=True)
class SignedInHere:
    """Implements ``gateway.ports.SessionRows``."""

    clock: Clock
    _sessions: dict[str, _Session] = field(default_factory=dict)
    #: Digests of what proved who somebody is. Each counts once.
    _proofs: set[str] = field(default_factory=set)

    async def find(self, session: str) -> str | None:
        found = self._sessions.get(session)
        return found.principal if found is not None and self.clock.now_ms() < found.until_ms else None

    async def open(self, session: str, signed_in: SignedIn, *, until_ms: int, instead_of: str) -> bool:
        if signed_in.proof in self._proofs:
            return False
        self._proofs.add(signed_in.proof)
        for name in [name for name, one in self._sessions.items() if one.until_ms <= self.clock.now_ms()]:
            del self._sessions[name]
        self._sessions.pop(instead_of, None)
        self._sessions[session] = _Session(principal=signed_in.principal, until_ms=until_ms)
        return True

    async def close(self, session: str) -> None:
        self._sessions.pop(session, None)
