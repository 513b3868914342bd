"""A tool worker's ports with a named point before and after each statement of a write."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.act import Acting
from contracts import names
from contracts.action import Frozen, Prepared
from contracts.digest import Json
from contracts.ledger import Claim, ClaimRequest, Conclusion, Ledger
from contracts.run import ActionRecord, WarrantedRun
from contracts.tool import ToolSpec
from contracts.toolbox import Answer, Armed, Gate, Scope, Toolbox
from contracts.wire import Acted, ActionRef
from tests.chaos.points import Point, Points
from worker.parts import Role

_LOOK: Final = 0.02


@dataclass(frozen=True, kw_only=True)
class PointedLedger:
    """Implements ``Ledger`` over another one."""

    points: Points
    inner: Ledger

    async def admit(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> tuple[Json, ...]:
        return await self.inner.admit(run, action, spec)

    async def known(self, key_hash: str) -> bool:
        return await self.inner.known(key_hash)

    async def claim(self, request: ClaimRequest) -> Claim:
        key = request.frozen.idempotency_key
        self.points.passed(Point.BEFORE_CLAIM, key)
        claim = await self.inner.claim(request)
        self.points.passed(Point.AFTER_CLAIM, key)
        return claim

    async def renew(self, request: ClaimRequest, fence: int) -> None:
        await self.inner.renew(request, fence)

    async def confirm(self, request: ClaimRequest, fence: int) -> bool:
        return await self.inner.confirm(request, fence)

    async def release(self, request: ClaimRequest, fence: int, sentence: str) -> bool:
        """It ends a claim as a settlement does, and has the same points."""
        key = request.frozen.idempotency_key
        self.points.passed(Point.BEFORE_SETTLE, key)
        freed = await self.inner.release(request, fence, sentence)
        self.points.passed(Point.AFTER_SETTLE, key)
        return freed

    async def settle(self, request: ClaimRequest, fence: int, conclusion: Conclusion) -> Conclusion:
        key = request.frozen.idempotency_key
        self.points.passed(Point.BEFORE_SETTLE, key)
        settled = await self.inner.settle(request, fence, conclusion)
        self.points.passed(Point.AFTER_SETTLE, key)
        return settled


@dataclass(kw_only=True)
class PointedArmed:
    """Implements ``Armed`` over another one."""

    points: Points
    inner: Armed
    key: str
    version: str

    async def send(self, gate: Gate) -> Answer:
        self.points.passed(Point.BEFORE_SEND, self.key)
        answer = await self.inner.send(gate)
        self.points.passed(Point.AFTER_SEND, self.key)
        return answer

    async def find(self) -> Answer | None:
        return await self.inner.find()


@dataclass(frozen=True, kw_only=True)
class PointedToolbox:
    """Implements ``Toolbox`` over another one."""

    points: Points
    inner: Toolbox

    async def read(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Answer:
        return await self.inner.read(spec, arguments, scope)

    async def prepare(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Prepared | Answer:
        return await self.inner.prepare(spec, arguments, scope)

    async def arm(self, spec: ToolSpec, frozen: Frozen, scope: Scope) -> PointedArmed:
        armed = await self.inner.arm(spec, frozen, scope)
        return PointedArmed(
            points=self.points, inner=armed, key=frozen.idempotency_key, version=armed.version
        )


@dataclass(frozen=True, kw_only=True)
class PointedActing:
    """The write as an activity, with what follows its end: Temporal has taken the result."""

    points: Points
    acting: Acting
    client: Client

    @activity.defn(name=names.WRITE)
    async def write(self, ref: ActionRef) -> Acted:
        try:
            return await self.acting.write(ref)
        finally:
            self.points.ended(ref.action_id)
            if self.points.wanted(Point.AFTER_ACK):
                run = await self.acting.warrants.current(ended=True)
                action = await self.acting.actions.get(run, ref.action_id)
                key, info = action.idempotency_key or "", activity.info()
                _KEPT.add(asyncio.create_task(self._after_ack(action.run_id, info.activity_id, key)))

    async def _after_ack(self, run_id: str, activity_id: str, key: str) -> None:
        """Temporal counts the activity among the pending ones until it has the result."""
        handle = self.client.get_workflow_handle(run_id)
        while True:
            try:
                described = await handle.describe()
            except RPCError:
                await asyncio.sleep(_LOOK)
                continue
            pending = [found.activity_id for found in described.raw_description.pending_activities]
            if activity_id not in pending:
                self.points.passed(Point.AFTER_ACK, key)
                return
            await asyncio.sleep(_LOOK)


_KEPT: Final[set[asyncio.Task[None]]] = set()
"""asyncio itself keeps only weak references to tasks."""


def wrapped(role: Role, points: Points) -> Role:
    """The role with its writes' ports wrapped; what it does is untouched."""
    return replace(role, activities=_activities(role, points))


def _activities(role: Role, points: Points) -> Sequence[Callable[..., Awaitable[Any]]]:
    owners = [getattr(found, "__self__", None) for found in role.activities]
    (shipped, *_) = [owner for owner in owners if isinstance(owner, Acting)]
    acting = replace(
        shipped,
        ledger=PointedLedger(points=points, inner=shipped.ledger),
        toolbox=PointedToolbox(points=points, inner=shipped.toolbox),
    )
    write = PointedActing(points=points, acting=acting, client=role.client).write
    others = [found for found in role.activities if getattr(found, "__self__", None) is not shipped]
    return [*others, acting.read, write]
