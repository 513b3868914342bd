"""Content at rest: sealed under its tenant's key, and bound to the place where it lies.

Ids, digests, states, tool names, targets and idempotency keys are looked up by, and stay as they are. A value
without the mark was written by an earlier version, and is read as it stands. Where a tenant's key was
deleted, what it sealed is forgotten, and nothing more of that tenant's content is kept.
"""

import asyncio
import base64
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.rings import DataKey, Ring
from contracts.digest import canonical
from contracts.errors import PermissionRefused, Unavailable

T = TypeVar("T")

#: Of a connection: where ``sealed`` and ``opened`` find the keys.
OPTION: Final = "interlock_contents"
FORGOTTEN: Final = "forgotten: this tenant's content key was deleted"
"""What readers see in place of content."""

FRESH_SECONDS: Final = 60.0
"""How old a ring is when it is read again, and how long a deleted key may still be in use."""
KEPT_SECONDS: Final = 900.0
"""How long a ring is used at most while AWS does not answer."""
MISS_SECONDS: Final = 2.0
"""Between two readings for keys that a ring lacks."""
_RETRY_SECONDS: Final = 10.0

_GONE: Final = "sealed:forgotten"
_SEALED: Final = re.compile(r"sealed:1:([0-9a-f]{8}):([A-Za-z0-9_-]{38,})")


class ContentKeys(Protocol):
    """Where a tenant's ring is kept."""

    async def ring(self, tenant: str, env: str) -> Ring:
        """The tenant's keys; none where they were deleted or never made.

        Raises:
            PermissionRefused: this process may not read them.
            Malformed: they are no ring.
            Unavailable: nobody answered.
        """
        ...


class NoContents:
    """Implements ``ContentKeys`` for who reads and writes no tenant's content: it has no keys."""

    async def ring(self, tenant: str, env: str) -> Ring:
        raise PermissionRefused(f"this process has no keys, so it reads nothing of {tenant} in {env}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a value lies: it opens nowhere else."""

    tenant: str
    env: str
    #: ``messages.body``.
    column: str
    row: str

    def bound(self) -> bytes:
        return canonical([self.tenant, self.env, self.column, self.row])


class KeyWanted(Exception):
    """A ring is not at hand; it is fetched outside the transaction, and the work is done again."""

    def __init__(self, tenant: str, env: str, *, missed: bool) -> None:
        super().__init__(f"the content keys of {tenant} in {env} are not at hand")
        self.owner = (tenant, env)
        #: Whether a ring is at hand, and lacks the key that sealed something.
        self.missed = missed


@dataclass(frozen=True, kw_only=True)
class _Kept:
    ring: Ring
    read: float
    until: float


class Contents:
    """The rings that one process has at hand."""

    def __init__(
        self,
        keys: ContentKeys,
        *,
        now: Callable[[], float] = time.time,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` is Unix time, ``passed`` a clock that never goes back."""
        self._keys = keys
        self._now = now
        self._passed = passed
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._fetching: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def supplied(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What ``attempt`` comes to; it is made again with each key that it lacked."""
        while True:
            try:
                return await attempt()
            except KeyWanted as wanted:
                await self._fetch(wanted)

    def current(self, tenant: str, env: str) -> DataKey | None:
        """The key that seals now; None where there is none. Raises KeyWanted."""
        return self._at_hand(tenant, env).ring.current(self._now())

    def named(self, tenant: str, env: str, key_id: str) -> DataKey | None:
        """The key that sealed something; None where it was deleted. Raises KeyWanted."""
        kept = self._at_hand(tenant, env)
        found = kept.ring.named(key_id)
        if found is None and self._passed() - kept.read >= MISS_SECONDS:
            raise KeyWanted(tenant, env, missed=True)
        return found

    def _at_hand(self, tenant: str, env: str) -> _Kept:
        kept = self._kept.get((tenant, env))
        if kept is None or self._passed() >= kept.until:
            raise KeyWanted(tenant, env, missed=False)
        return kept

    async def _fetch(self, wanted: KeyWanted) -> None:
        async with self._fetching[wanted.owner]:
            kept, began = self._kept.get(wanted.owner), self._passed()
            if kept is not None and began - kept.read < MISS_SECONDS:
                return
            try:
                ring = await self._keys.ring(*wanted.owner)
            except Unavailable:
                if kept is None or wanted.missed or began - kept.read >= KEPT_SECONDS:
                    raise
                self._keep(wanted, kept.ring, kept.read, self._passed() + _RETRY_SECONDS)
            else:
                self._keep(wanted, ring, began, began + FRESH_SECONDS)

    def _keep(self, wanted: KeyWanted, ring: Ring, read: float, until: float) -> None:
        self._kept[wanted.owner] = _Kept(ring=ring, read=read, until=until)


def sealed(connection: AsyncConnection, place: Place, text: str) -> str:
    """What the store keeps of this text. Raises KeyWanted, which the store answers.

    A tenant without a key has nothing kept: what happened must still be written down.
    """
    if not text:
        return text
    key = _contents(connection).current(place.tenant, place.env)
    if key is None:
        return _GONE
    data = base64.urlsafe_b64encode(key.seal(text.encode(), place.bound())).rstrip(b"=").decode()
    return f"sealed:1:{key.id}:{data}"


def opened(connection: AsyncConnection, place: Place, stored: str) -> str | None:
    """The text that was stored in this place; None: it is forgotten.

    Raises:
        Malformed: it was altered, or stood in another place.
        KeyWanted: the store answers it.
    """
    if stored == _GONE:
        return None
    found = _SEALED.fullmatch(stored)
    if found is None:
        return stored
    key = _contents(connection).named(place.tenant, place.env, found[1])
    if key is None:
        return None
    return key.open(base64.urlsafe_b64decode(found[2] + "=="), place.bound()).decode()


def require_key(connection: AsyncConnection, tenant: str, env: str) -> None:
    """Raises PermissionRefused where nothing can be sealed for the tenant."""
    if _contents(connection).current(tenant, env) is None:
        raise PermissionRefused(
            f"the content of {tenant} was forgotten, or it has no content key in force; an operator makes"
            " a new one (`interlock secret rotate`, docs/operations.md)"
        )


def _contents(connection: AsyncConnection) -> Contents:
    found = connection.sync_connection and connection.sync_connection.get_execution_options().get(OPTION)
    if not isinstance(found, Contents):
        raise TypeError("content is read within Store.look and Store.write alone")
    return found
