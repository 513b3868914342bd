"""Questions about writes whose outcome nobody knows: opened, and settled by a person's word."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.action_rows import read_action
from adapters.actions import conclude
from adapters.approval_rows import open_approval
from adapters.audit_log import append
from adapters.claim_rows import kept
from adapters.documents import read_document
from adapters.run_rows import read_run
from adapters.schema import actions, approvals, claims
from contracts.action import Frozen
from contracts.approval import Answer, ApprovalKind, ApprovalRecord, ApprovalState, Terms
from contracts.audit import AuditRecord
from contracts.errors import Refused, Unavailable
from contracts.ledger import Conclusion
from contracts.run import ActionRecord, Outcome, RunRecord
from contracts.tokens import Warrant
from policies.people import short_name
from policies.route import Route


async def ask_outcome(
    connection: AsyncConnection, run: Warrant | RunRecord, action_id: str, now_ms: int
) -> str:
    """Ask what an unknown write did, with what is known of it; the question's id, the same again.

    Raises:
        Refused: its outcome is not unknown.
    """
    action = await read_action(connection, run.run_id, action_id)
    if action.outcome is not Outcome.UNKNOWN or action.frozen is None:
        raise Refused(f"{action.tool} is not unknown: it is {action.outcome or 'open'}")
    if action.reconciliation_id is not None:
        return action.reconciliation_id
    route = Route.read(await read_document(connection, run.policy_digest))
    approval_id = await open_approval(
        connection,
        Frozen.read(action.frozen),
        kind=ApprovalKind.RECONCILE,
        needed=1,
        terms=Terms(group=route.approval.group or "", deadline_ms=None),
        now_ms=now_ms,
        question=_known(action, await _claim(connection, action_id)),
    )
    await connection.execute(
        update(actions).where(actions.c.action_id == action_id).values(reconciliation_id=approval_id)
    )
    record = AuditRecord(
        **about(run, action) | {"approval_id": approval_id},
        kind="approval",
        at_ms=now_ms,
        actor="run",
        outcome="asked",
        reason="nobody knows whether the write happened",
    )
    await append(connection, record)
    return approval_id


async def leave_open(connection: AsyncConnection, run: Warrant | RunRecord, now_ms: int) -> None:
    """What a run sent and nobody will settle is unknown, and people are asked about it."""
    await break_off(connection, run, now_ms)
    unknown = await connection.scalars(
        select(actions.c.action_id).where(
            actions.c.run_id == run.run_id, actions.c.outcome == Outcome.UNKNOWN
        )
    )
    for action_id in list(unknown):
        await ask_outcome(connection, run, action_id, now_ms)


async def break_off(connection: AsyncConnection, run: Warrant | RunRecord, now_ms: int) -> None:
    """What was sent and nobody will settle is unknown."""
    unsettled = list(
        await connection.scalars(
            select(claims.c.action_id).where(claims.c.run_id == run.run_id, claims.c.state == "claimed")
        )
    )
    for action_id in unsettled:
        await connection.execute(
            update(claims).where(claims.c.action_id == action_id).values(state=Outcome.UNKNOWN)
        )
        await conclude(connection, run, action_id, _BROKEN_OFF, now_ms)


async def settle_by_word(connection: AsyncConnection, approval: ApprovalRecord, now_ms: int) -> None:
    """Settle the claim as a person's verified grant says; again is nothing, and so is a word that comes late.

    "It did not" is a failure before any effect, and trying again is a new action.

    Raises:
        Unavailable: a worker is asking the target right now, whose answer is worth more.
    """
    run = await read_run(connection, approval.run_id)
    action = await read_action(connection, run.run_id, approval.action_id)
    if action.outcome is not Outcome.UNKNOWN:
        await _close(connection, approval, now_ms)
        return
    said = next((grant for grant in approval.grants if grant.decision in _SETTLING), None)
    if said is None:
        return
    await settle_as_told(connection, run, action, said.approver, Answer(said.decision), now_ms)


async def settle_as_told(
    connection: AsyncConnection,
    run: RunRecord | Warrant,
    action: ActionRecord,
    who: str,
    answer: Answer,
    now_ms: int,
) -> None:
    """Settle the claim of an unknown write as this person says, and its action with it.

    Raises:
        Unavailable: a worker is asking the target right now, whose answer is worth more.
    """
    claim = await _claim(connection, action.action_id)
    if claim.state == "claimed" and now_ms < claim.lease_ms:
        raise Unavailable("the target is being asked about this write; its answer comes first")
    outcome, words = _SETTLING[answer]
    text = f"{short_name(who)} looked and says that {words}"
    told = Conclusion(outcome=outcome, content=text, text=text, duration_ms=0, attempts=action.attempts)
    # The fence moves on: whoever still holds the claim settles it no more.
    await connection.execute(
        update(claims)
        .where(claims.c.key_hash == claim.key_hash)
        .values(state=outcome, fence=claim.fence + 1, settled_ms=now_ms, result=kept(connection, claim, told))
    )
    await conclude(connection, run, action.action_id, told, now_ms, said_by=who)


async def _close(connection: AsyncConnection, approval: ApprovalRecord, now_ms: int) -> None:
    """What came to be known in another way is asked no more."""
    await connection.execute(
        update(approvals)
        .where(approvals.c.approval_id == approval.approval_id, approvals.c.state == ApprovalState.WAITING)
        .values(state=ApprovalState.SETTLED, decided_ms=now_ms, version=approvals.c.version + 1)
    )


async def to_settle(connection: AsyncConnection) -> tuple[str, ...]:
    """Questions that were answered while their writes are unknown still, or asked of what is known by now."""
    unknown = actions.c.outcome == Outcome.UNKNOWN
    answered = (approvals.c.state == ApprovalState.SETTLED) & unknown
    idle = (approvals.c.state == ApprovalState.WAITING) & ~unknown
    statement = (
        select(approvals.c.approval_id)
        .join(actions, actions.c.reconciliation_id == approvals.c.approval_id)
        .where(approvals.c.kind == ApprovalKind.RECONCILE, answered | idle)
    )
    return tuple(await connection.scalars(statement))


_SETTLING: Final = {
    Answer.IT_DID: (Outcome.SUCCEEDED, "it happened"),
    Answer.IT_DID_NOT: (Outcome.FAILED, "it did not happen"),
}
_BROKEN_OFF = Conclusion(
    outcome=Outcome.UNKNOWN,
    content="",
    text="the run ended while the request was on its way; whether the write happened is unknown",
    duration_ms=0,
    attempts=1,
)


async def _claim(connection: AsyncConnection, action_id: str) -> Row[Any]:
    return (await connection.execute(select(claims).where(claims.c.action_id == action_id))).one()


def _known(action: ActionRecord, claim: Row[Any]) -> str:
    """What the person who looks into it starts from."""
    where = f" The log of {claim.address} may show the key {claim.idempotency_key}."
    what = f"{action.outcome_text[:1].upper()}{action.outcome_text[1:]}."
    if claim.fence == 0:
        return f"{what}{where}"
    sent = datetime.fromtimestamp(claim.claimed_ms / 1_000, tz=UTC)
    waited = max(0, (claim.settled_ms or claim.claimed_ms) - claim.claimed_ms) // 1_000
    times = f"{claim.fence} times, last" if claim.fence > 1 else "once,"
    within = f" within {waited} s" if waited else ""
    return (
        f"Sent {times} at {sent:%H:%M:%S} UTC on {sent:%d %b %Y}; no answer that settles it came{within}."
        f" {what}{where}"
    )
