"""The ledger: claim before you act, and unknown stays unknown."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import epoch
from adapters.actions import conclude, read_action, thaw
from adapters.approval_rows import read_approval
from adapters.audit_log import append
from adapters.claim_rows import LEASE_MS, attempt_record, kept, put, row_of, stored
from adapters.limits import exceeded
from adapters.schema import actions, approvals, claims, consumed
from adapters.standing import (
    closed,
    current_people,
    current_route,
    current_ruling,
    pinned_catalogue,
    stopped,
    voided,
)
from adapters.store import Store
from contracts.approval import ApprovalState
from contracts.decision import Call, Decision, Ruling
from contracts.errors import Halted, Malformed, PermissionRefused, Unavailable
from contracts.ports import Claim, ClaimRequest, Clock, Conclusion
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tokens import Grant, Verifier
from contracts.tool import ToolSpec
from policies.quorum import standing
from policies.retry import UNSENT, outlived, reclaim

_SETTLED = {Outcome.SUCCEEDED, Outcome.REFUSED, Outcome.FAILED}
_AGAIN = {"send": "sent", "lookup": "looked_up"}
"""What the audit says of a claim that is continued."""


class _Refusal(Exception):
    """Ends a claim's transaction with a no; caught where the claim is answered."""

    def __init__(self, sentence: str, outcome: Outcome = Outcome.FAILED, say: str = "refused") -> None:
        super().__init__(sentence)
        self.claim = Claim(say=say, sentence=sentence, outcome=outcome)


class StoreLedger:
    """Implements ``contracts.ports.Ledger``."""

    def __init__(self, store: Store, verifier: Verifier, clock: Clock) -> None:
        self._store = store
        self._verifier = verifier
        self._clock = clock

    async def admit(self, run: WarrantedRun, action: ActionRecord, spec: ToolSpec) -> None:
        async def work(connection: AsyncConnection) -> None:
            now = self._clock.now_ms()
            if sentence := await stopped(connection, run.warrant, spec.name, now):
                raise Halted(sentence)
            if sentence := await closed(connection, run.warrant.run_id):
                raise PermissionRefused(sentence)
            decision = await self._ruling(connection, run, spec, action.arguments)
            if decision.ruling is not Ruling.ALLOW:
                raise PermissionRefused(f"the policy in force no longer allows it: {_because(decision)}")
            await connection.execute(
                update(actions)
                .where(actions.c.action_id == action.action_id)
                .values(attempts=actions.c.attempts + 1)
            )
            await append(connection, attempt_record(run, action, spec, now, ()))

        await self._store.write(work)

    async def known(self, key_hash: str) -> bool:
        async with self._store.read() as connection:
            state = await connection.scalar(select(claims.c.state).where(claims.c.key_hash == key_hash))
            return state not in (None, Outcome.FAILED)

    async def claim(self, request: ClaimRequest) -> Claim:
        async def work(connection: AsyncConnection) -> Claim:
            found = (
                await connection.execute(select(claims).where(claims.c.key_hash == request.frozen.key_hash))
            ).first()
            if found is not None and found.action_id != request.frozen.action_id:
                raise _Refusal("this idempotency key belongs to other bytes; nothing was sent")
            action = await read_action(connection, request.frozen.run_id, request.frozen.action_id)
            if action.action_digest != request.action_digest:
                return Claim(say="changed", sentence="it was frozen anew, with other bytes; nothing was sent")
            if found is not None:
                return await self._again(connection, request, found)
            return await self._first(connection, request)

        try:
            claim = await self._store.write(work)
        except _Refusal as refusal:
            return refusal.claim
        except PermissionRefused as error:
            return Claim(say="refused", sentence=error.sentence, outcome=Outcome.DENIED)
        return replace(claim, committed=time.monotonic() * 1000)

    async def _first(self, connection: AsyncConnection, request: ClaimRequest, fence: int = 1) -> Claim:
        run, frozen, now = request.run, request.frozen, self._clock.now_ms()
        if sentence := await stopped(connection, run.warrant, frozen.tool, now):
            raise _Refusal(sentence, say="halted")
        if sentence := await closed(connection, run.warrant.run_id):
            raise _Refusal(sentence, Outcome.SKIPPED)
        await _refuse_unknown_target(connection, request)
        decision = await self._ruling(connection, run, request.spec, frozen.arguments)
        if decision.ruling is Ruling.DENY:
            raise _Refusal(f"the policy in force no longer allows it: {_because(decision)}", Outcome.DENIED)
        await self._check_limits(connection, request, now)
        counted = await self._check_grants(connection, request, decision, now)
        await _consume(connection, request, counted, now)
        await put(connection, row_of(request, now, fence) | {"epoch": await epoch.current(connection)})
        action = await read_action(connection, frozen.run_id, frozen.action_id)
        approvers = tuple(grant.approver for grant in counted)
        await append(connection, attempt_record(run, action, request.spec, now, approvers))
        return Claim(say="send", fence=fence)

    async def _ruling(
        self, connection: AsyncConnection, run: WarrantedRun, spec: ToolSpec, arguments: Any
    ) -> Decision:
        """The stricter of the pinned policy and the one in force now."""
        return await current_ruling(
            connection,
            run.warrant,
            await pinned_catalogue(connection, run.warrant),
            Call(tool=spec.name, arguments=arguments),
            self._clock.now_ms(),
        )

    async def _check_limits(self, connection: AsyncConnection, request: ClaimRequest, now: int) -> None:
        route = await current_route(connection, request.run.warrant)
        try:
            sentence = await exceeded(connection, route, request.frozen, now)
        except Malformed as error:
            raise _Refusal(error.sentence, Outcome.DENIED) from error
        if sentence is not None:
            raise _Refusal(sentence, Outcome.DENIED)

    async def _check_grants(
        self, connection: AsyncConnection, request: ClaimRequest, decision: Decision, now: int
    ) -> tuple[Grant, ...]:
        """The grants that count now; enough of them, none older than a kill switch's stop."""
        action = await read_action(connection, request.frozen.run_id, request.frozen.action_id)
        if decision.approvals == 0:
            return ()
        if action.approval_id is None:
            raise _Refusal("nobody was asked to approve it", Outcome.REJECTED)
        approval = await read_approval(connection, self._verifier, action.approval_id)
        if approval.state is not ApprovalState.APPROVED or approval.action_digest != request.action_digest:
            raise _Refusal(f"its approval is {approval.state}, not approved", Outcome.REJECTED)
        people = await current_people(connection, approval.env)
        now_valid = await epoch.current(connection)
        given = [grant for grant in approval.grants if grant.epoch == now_valid]
        if len(given) < len(approval.grants):
            raise _Refusal(
                "it was approved before the store was restored, so it needs a new approval", Outcome.REJECTED
            )
        counted = standing(approval, given, people)
        if len(counted) < decision.approvals:
            raise _Refusal(
                f"it needs {decision.approvals} approvals that stand now and has {len(counted)}",
                Outcome.REJECTED,
            )
        if sentence := await voided(connection, request.run.warrant, request.frozen.tool, counted, now):
            raise _Refusal(sentence, Outcome.REJECTED)
        await connection.execute(
            update(approvals)
            .where(approvals.c.approval_id == approval.approval_id)
            .values(claimed=True, version=approvals.c.version + 1)
        )
        return counted

    async def _again(self, connection: AsyncConnection, request: ClaimRequest, row: Row[Any]) -> Claim:
        """A claim of this key by this action stands: it is continued as the tool allows."""
        if row.action_digest != request.action_digest and row.state != Outcome.FAILED:
            raise _Refusal("this idempotency key was sent with other bytes; nothing more was sent")
        if row.action_digest != request.action_digest:
            # Frozen anew, since the target had changed: it had no effect, and was approved once more.
            return await self._first(connection, request, row.fence + 1)
        if row.state in _SETTLED:
            return Claim(say="stored", fence=row.fence, again=True, stored=stored(connection, row))
        if outlived(row.holder, request.holder):
            raise Unavailable("a later attempt has this write in hand")
        return await self._taken_over(connection, request, row)

    async def _taken_over(self, connection: AsyncConnection, request: ClaimRequest, row: Row[Any]) -> Claim:
        now = self._clock.now_ms()
        unsent = row.holder == request.holder and request.unsent
        if row.state == "claimed" and row.holder != request.holder and now < row.lease_ms:
            return Claim(say="wait", fence=row.fence, again=True)
        halt = await stopped(connection, request.run.warrant, request.frozen.tool, now)
        over = await closed(connection, request.run.warrant.run_id)
        if unsent and (sentence := halt or over):
            return await _freed(connection, request, row, sentence, now)
        state = UNSENT if unsent else "claimed"
        say = reclaim(request.spec.retry, state, (now - row.first_ms) / 1000, unsent)
        if row.state == Outcome.UNKNOWN and (say == "unknown" or over is not None):
            return Claim(say="unknown", fence=row.fence, again=True, stored=stored(connection, row))
        if halt:
            raise _Refusal(halt, say="halted")
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

    async def renew(self, request: ClaimRequest, fence: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                update(claims)
                .where(claims.c.key_hash == request.frozen.key_hash)
                .where(claims.c.state == "claimed", claims.c.fence == fence)
                .values(lease_ms=self._clock.now_ms() + LEASE_MS)
            )

        await self._store.write(work)

    async def settle(self, request: ClaimRequest, fence: int, conclusion: Conclusion) -> Conclusion:
        async def work(connection: AsyncConnection) -> Conclusion:
            key = claims.c.key_hash == request.frozen.key_hash
            row = (await connection.execute(select(claims).where(key))).one()
            if row.state != "claimed":
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
            now = self._clock.now_ms()
            failed = Conclusion(outcome=Outcome.FAILED, content=sentence, text=sentence, duration_ms=0)
            freed = await connection.execute(
                update(claims)
                .where(claims.c.key_hash == request.frozen.key_hash)
                .where(claims.c.state == "claimed", claims.c.fence == fence)
                .values(
                    state=Outcome.FAILED,
                    settled_ms=now,
                    result=kept(connection, request.frozen, failed),
                )
            )
            if freed.rowcount == 1:
                await thaw(connection, request.run.warrant, request.frozen, sentence, now)
            return freed.rowcount == 1

        return await self._store.write(work)


async def _refuse_unknown_target(connection: AsyncConnection, request: ClaimRequest) -> None:
    """While nobody knows what an action did to a target, no other run of the tenant writes to it."""
    frozen = request.frozen
    found = await connection.scalar(
        select(claims.c.idempotency_key).where(
            claims.c.tenant == frozen.tenant,
            claims.c.env == frozen.env,
            claims.c.address == frozen.address,
            claims.c.target == frozen.target,
            # Sent more than once and not settled: as little is known of it while it is asked about.
            or_(claims.c.state == "unknown", (claims.c.state == "claimed") & (claims.c.fence > 1)),
        )
    )
    if found is not None:
        raise _Refusal(f"nobody knows yet whether {found} changed {frozen.target}; a person has to say first")


async def _freed(
    connection: AsyncConnection, request: ClaimRequest, row: Row[Any], sentence: str, now: int
) -> Claim:
    """Claimed, and stopped before anything left: it failed, and the key is nobody's any more."""
    failed = Conclusion(outcome=Outcome.FAILED, content=sentence, text=sentence, duration_ms=0)
    await connection.execute(
        update(claims)
        .where(claims.c.key_hash == row.key_hash)
        .values(
            state=Outcome.FAILED, fence=row.fence + 1, settled_ms=now, result=kept(connection, row, failed)
        )
    )
    await conclude(connection, request.run.warrant, request.frozen.action_id, failed, now)
    return Claim(say="stored", fence=row.fence + 1, again=True, stored=failed)


async def _consume(
    connection: AsyncConnection, request: ClaimRequest, grants: Sequence[Grant], now: int
) -> None:
    for grant in grants:
        used = await connection.scalar(
            select(consumed.c.action_digest).where(consumed.c.grant_id == grant.jti)
        )
        if used is not None:
            raise _Refusal("its approval was used already", Outcome.REJECTED)
        await connection.execute(
            insert(consumed).values(grant_id=grant.jti, action_digest=request.action_digest, at_ms=now)
        )


def _because(decision: Decision) -> str:
    return "; ".join(reason.text for reason in decision.reasons)
