"""The ledger: claim before you act, and unknown stays unknown."""

import time
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import epoch
from adapters.action_rows import read_action
from adapters.actions import conclude
from adapters.admission import ClaimRefused, because, because_of, check_limits, rules_of, ruling
from adapters.audit_log import append
from adapters.claim_rows import LEASE_MS, attempt_record, kept, put, row_of, stored
from adapters.entry import Entry
from adapters.freeing import fail, take_back, taken_back
from adapters.limits import Counted
from adapters.schema import actions, claims
from adapters.standing import CLOSED, closed, egress, holding
from adapters.store import Store
from contracts.decision import Ruling
from contracts.digest import Json
from contracts.errors import Halted, PermissionRefused, Unavailable
from contracts.ledger import Claim, ClaimRequest, Conclusion
from contracts.ports import Clock
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tool import ToolSpec
from policies.retry import UNSENT, outlived, reclaim

_SETTLED = {Outcome.SUCCEEDED, Outcome.REFUSED, Outcome.FAILED}
_AGAIN = {"send": "sent", "lookup": "looked_up"}
"""What the audit says of a claim that is continued."""
_OTHER_BYTES = ("key.other_bytes",)
_RESTORED = ClaimRefused("the store was restored since", ("store.restored",))


class StoreLedger:
    """Implements ``contracts.ledger.Ledger``."""

    def __init__(self, store: Store, entry: Entry, clock: Clock) -> None:
        self._store = store
        self._entry = entry
        self._clock = clock

    async def admit(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> tuple[Json, ...]:
        async def work(connection: AsyncConnection) -> tuple[Json, ...]:
            now = self._clock.now_ms()
            if switch := await holding(connection, run.warrant, spec.name, now):
                raise Halted(switch.sentence(), switch.rules)
            if sentence := await closed(connection, run.warrant.run_id):
                raise PermissionRefused(sentence, CLOSED)
            decision = await ruling(connection, run, spec, action.arguments, now)
            if decision.ruling is not Ruling.ALLOW:
                text = f"the policy in force no longer allows it: {because(decision)}"
                raise PermissionRefused(text, rules_of(decision))
            await check_limits(connection, run, Counted.of_read(run.warrant, action), now)
            await connection.execute(
                update(actions)
                .where(actions.c.action_id == action.action_id)
                .values(attempts=actions.c.attempts + 1, admitted_ms=now)
            )
            await append(connection, attempt_record(run, action, spec, now, ()))
            return () if spec.reaches is None else await egress(connection, run.warrant)

        return await self._store.write(work)

    async def known(self, key_hash: str) -> bool:
        async with self._store.read() as connection:
            state = await connection.scalar(select(claims.c.state).where(claims.c.key_hash == key_hash))
            return state not in (None, Outcome.FAILED)

    async def claim(self, request: ClaimRequest) -> Claim:
        began = 0.0

        async def work(connection: AsyncConnection) -> Claim:
            nonlocal began
            # What others commit from here on is not in what this transaction sees.
            began = time.monotonic() * 1000
            found = (
                await connection.execute(select(claims).where(claims.c.key_hash == request.frozen.key_hash))
            ).first()
            if found is not None and found.action_id != request.frozen.action_id:
                text = "this idempotency key belongs to other bytes; nothing was sent"
                raise ClaimRefused(text, _OTHER_BYTES)
            action = await read_action(connection, request.frozen.run_id, request.frozen.action_id)
            if action.action_digest != request.action_digest:
                return Claim(say="changed", sentence="it was frozen anew, with other bytes; nothing was sent")
            if found is None:
                return await self._first(connection, request)
            if taken_back(found, action):
                return await self._first(connection, request, found.fence + 1)
            return await self._again(connection, request, found)

        try:
            claim = await self._store.write(work)
        except ClaimRefused as refusal:
            return refusal.claim
        except PermissionRefused as error:
            return Claim(
                say="refused", sentence=error.sentence, outcome=Outcome.DENIED, rules=because_of(error)
            )
        return replace(claim, committed=began)

    async def _first(self, connection: AsyncConnection, request: ClaimRequest, fence: int = 1) -> Claim:
        run, frozen, now = request.run, request.frozen, self._clock.now_ms()
        if switch := await self._entry.holding(connection, request, now):
            raise ClaimRefused(switch.sentence(), switch.rules, say="halted")
        if sentence := await self._entry.closed(connection, request, now):
            raise ClaimRefused(sentence, CLOSED, Outcome.SKIPPED)
        action = await read_action(connection, frozen.run_id, frozen.action_id)
        if action.outcome is not None:
            text = f"it has ended already, as {action.outcome}"
            raise ClaimRefused(text, ("action.ended",), action.outcome)
        approvers = await self._entry.admitted(connection, request, now)
        row = row_of(frozen, request.holder, now, fence) | {"epoch": await epoch.current(connection)}
        await put(connection, row, anew=fence > 1)
        await append(connection, attempt_record(run, action, request.spec, now, approvers))
        return Claim(say="send", fence=fence)

    async def _again(self, connection: AsyncConnection, request: ClaimRequest, row: Row[Any]) -> Claim:
        """A claim of this key by this action stands: it is continued as the tool allows."""
        if row.action_digest != request.action_digest:
            text = "this idempotency key was sent with other bytes; nothing more was sent"
            raise ClaimRefused(text, _OTHER_BYTES)
        if row.state in _SETTLED:
            return Claim(say="stored", fence=row.fence, again=True, stored=stored(connection, row))
        if outlived(row.holder, request.holder):
            raise Unavailable("a later attempt has this write in hand")
        return await self._taken_over(connection, request, row)

    async def _taken_over(self, connection: AsyncConnection, request: ClaimRequest, row: Row[Any]) -> Claim:
        now = self._clock.now_ms()
        # The books of before a restore do not say who took the write over since.
        same_epoch = row.epoch == await epoch.current(connection)
        unsent = row.holder == request.holder and request.unsent and same_epoch
        if row.state == "claimed" and row.holder != request.holder and now < row.lease_ms:
            return Claim(say="wait", fence=row.fence, again=True)
        switch = await self._entry.holding(connection, request, now)
        halt = None if switch is None else ClaimRefused(switch.sentence(), switch.rules, say="halted")
        over = await self._over(connection, request, now) if same_epoch else _RESTORED
        if halt and not self._entry.waits:
            over, halt = over or ClaimRefused(halt.claim.sentence, halt.claim.rules, Outcome.DENIED), None
        if unsent and over:
            return await fail(connection, request, row, over.claim, now)
        if unsent and halt:
            # Prepared anew it waits there for what held it.
            await take_back(connection, request, row.fence, halt.claim.sentence, now)
            return Claim(say="changed", sentence=halt.claim.sentence, fence=row.fence, again=True)
        state = UNSENT if unsent else "claimed"
        say = reclaim(request.spec.retry, state, (now - row.first_ms) / 1000, unsent)
        if row.state == Outcome.UNKNOWN and (say == "unknown" or over is not None):
            return Claim(say="unknown", fence=row.fence, again=True, stored=stored(connection, row))
        if halt:
            raise halt
        await connection.execute(
            update(claims)
            .where(claims.c.key_hash == row.key_hash)
            .values(
                state="claimed",
                fence=row.fence + 1,
                holder=request.holder,
                claimed_ms=now,
                lease_ms=now + LEASE_MS,
            )
        )
        if over:
            say = "find" if say == "lookup" else "unknown"
        if say in _AGAIN and not unsent:
            frozen = request.frozen
            action = await read_action(connection, frozen.run_id, frozen.action_id)
            await append(connection, attempt_record(request.run, action, request.spec, now, (), _AGAIN[say]))
        return Claim(say=say, fence=row.fence + 1, again=not unsent)

    async def _over(
        self, connection: AsyncConnection, request: ClaimRequest, now: int
    ) -> ClaimRefused | None:
        """Why a write that was claimed may be sent no more; what it consumed stays good for its retries."""
        if sentence := await self._entry.closed(connection, request, now):
            return ClaimRefused(sentence, CLOSED)
        return await self._entry.over(connection, request, now)

    async def renew(self, request: ClaimRequest, fence: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(claims)
                .where(claims.c.key_hash == request.frozen.key_hash)
                .where(claims.c.state == "claimed", claims.c.fence == fence)
                .values(lease_ms=self._clock.now_ms() + LEASE_MS)
            )

        await self._store.write(work)

    async def confirm(self, request: ClaimRequest, fence: int) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            now, key = self._clock.now_ms(), claims.c.key_hash == request.frozen.key_hash
            row = (await connection.execute(select(claims).where(key))).one()
            mine = (row.state, row.fence, row.epoch) == ("claimed", fence, await epoch.current(connection))
            if not mine or await self._entry.holding(connection, request, now):
                return False
            if await self._over(connection, request, now):
                return False
            await connection.execute(update(claims).where(key).values(lease_ms=now + LEASE_MS))
            return True

        return await self._store.write(work)

    async def settle(self, request: ClaimRequest, fence: int, conclusion: Conclusion) -> Conclusion:
        async def work(connection: AsyncConnection) -> Conclusion:
            key = claims.c.key_hash == request.frozen.key_hash
            row = (await connection.execute(select(claims).where(key))).one()
            # An answer that comes after the run gave the write up is still worth more than nothing.
            current = row.fence == fence and row.epoch == await epoch.current(connection)
            given_up = row.state == Outcome.UNKNOWN and current
            if row.state != "claimed" and not given_up:
                return stored(connection, row) or replace(conclusion, outcome=Outcome(row.state))
            if row.fence != fence:
                raise Unavailable("another attempt has taken this write over and has not settled it yet")
            now = self._clock.now_ms()
            await connection.execute(
                update(claims)
                .where(key)
                .values(state=conclusion.outcome, settled_ms=now, result=kept(connection, row, conclusion))
            )
            await conclude(connection, request.run.warrant, request.frozen.action_id, conclusion, now)
            return conclusion

        return await self._store.write(work)

    async def release(self, request: ClaimRequest, fence: int, sentence: str) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            return await take_back(connection, request, fence, sentence, self._clock.now_ms())

        return await self._store.write(work)
