"""What must hold for a write to leave, as one transaction sees it: policy, limits, target and approvals."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import epoch
from adapters.action_rows import read_action
from adapters.approval_rows import read_approval
from adapters.limits import Counted, exceeded
from adapters.proofs import Proofs
from adapters.schema import approvals, claims, consumed
from adapters.standing import (
    both_routes,
    current_people,
    current_ruling,
    pinned_catalogue,
    voided,
)
from contracts.approval import ApprovalState
from contracts.decision import Call, Decision, Ruling
from contracts.errors import PermissionRefused
from contracts.ledger import Claim, ClaimRequest
from contracts.run import Outcome, WarrantedRun
from contracts.tokens import Grant
from contracts.tool import Effect, ToolSpec
from policies.quorum import standing


class ClaimRefused(Exception):
    """Ends a claim's transaction with a no; caught where the claim is answered."""

    def __init__(
        self, sentence: str, rules: tuple[str, ...], outcome: Outcome = Outcome.FAILED, say: str = "refused"
    ) -> None:
        super().__init__(sentence)
        self.claim = Claim(say=say, sentence=sentence, outcome=outcome, rules=rules)


async def ruling(
    connection: AsyncConnection, run: WarrantedRun, spec: ToolSpec, arguments: Any, now_ms: int
) -> Decision:
    """The stricter of the pinned policy and the one in force now."""
    catalogue = await pinned_catalogue(connection, run.warrant)
    call = Call(tool=spec.name, arguments=arguments)
    return await current_ruling(connection, run.warrant, catalogue, call, now_ms)


async def allowed(connection: AsyncConnection, request: ClaimRequest, now_ms: int) -> Decision:
    """What the policy asks for before this write. Raises ClaimRefused where it denies it by now."""
    try:
        decision = await ruling(connection, request.run, request.spec, request.frozen.arguments, now_ms)
    except PermissionRefused as error:
        raise ClaimRefused(error.sentence, because_of(error), Outcome.DENIED) from error
    if decision.ruling is Ruling.DENY:
        text = f"the policy in force no longer allows it: {because(decision)}"
        raise ClaimRefused(text, rules_of(decision), Outcome.DENIED)
    return decision


async def check_limits(connection: AsyncConnection, run: WarrantedRun, call: Counted, now_ms: int) -> None:
    """Those of the route in force, and those that the run is pinned to: a run's limits never widen.

    Raises PermissionRefused where this call would exceed one.
    """
    for place, route in enumerate(await both_routes(connection, run.warrant)):
        found = await exceeded(connection, route, call, now_ms)
        if found is not None:
            whose = "as the run began with it, " if place else ""
            raise PermissionRefused(f"{whose}{found.sentence}", (found.rule,))


async def check_target(connection: AsyncConnection, request: ClaimRequest) -> None:
    """While nobody knows what an action did to a target, no other run of the tenant writes to it.

    Raises ClaimRefused.
    """
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
        text = f"nobody knows yet whether {found} changed {frozen.target}; a person has to say first"
        raise ClaimRefused(text, ("target.unknown",))


async def approved(
    connection: AsyncConnection, proofs: Proofs, request: ClaimRequest, decision: Decision, now_ms: int
) -> tuple[Grant, ...]:
    """The grants that count now. Raises ClaimRefused where they are too few, or void.

    Void is a grant from before a restore of the store, or before the last stop of a kill switch.
    """
    if decision.approvals == 0:
        return ()
    action = await read_action(connection, request.frozen.run_id, request.frozen.action_id)
    if action.approval_id is None:
        raise ClaimRefused("nobody was asked to approve it", ("approval.missing",), Outcome.REJECTED)
    approval = await read_approval(connection, proofs.verifier, action.approval_id)
    if approval.state is not ApprovalState.APPROVED or approval.action_digest != request.action_digest:
        text = f"its approval is {approval.state}, not approved"
        raise ClaimRefused(text, (f"approval.{approval.state}",), Outcome.REJECTED)
    people = await current_people(connection, approval.env)
    now_valid = await epoch.current(connection)
    given = [grant for grant in approval.grants if grant.epoch == now_valid]
    if len(given) < len(approval.grants):
        text = "it was approved before the store was restored, so it needs a new approval"
        raise ClaimRefused(text, ("approval.restored",), Outcome.REJECTED)
    counted = tuple(proofs.proven(grant, people) for grant in standing(approval, given, people))
    if len(counted) < decision.approvals:
        text = f"it needs {decision.approvals} approvals that stand now and has {len(counted)}"
        raise ClaimRefused(text, ("approval.quorum",), Outcome.REJECTED)
    if request.spec.effect is Effect.DESTRUCTIVE and not any(grant.assertion for grant in counted):
        text = "it is destructive, and no passkey of those who approved it signed it"
        raise ClaimRefused(text, ("approval.passkey",), Outcome.REJECTED)
    if sentence := await voided(connection, request.run.warrant, request.frozen.tool, counted, now_ms):
        raise ClaimRefused(sentence, ("approval.void",), say="voided")
    return counted


async def consume(
    connection: AsyncConnection, request: ClaimRequest, grants: Sequence[Grant], now: int
) -> None:
    """Use these grants up for this action. Raises ClaimRefused where one was used already."""
    for grant in grants:
        used = await connection.scalar(
            select(consumed.c.action_digest).where(consumed.c.grant_id == grant.jti)
        )
        if used is not None:
            raise ClaimRefused("its approval was used already", ("approval.used",), Outcome.REJECTED)
        await connection.execute(
            insert(consumed).values(grant_id=grant.jti, action_digest=request.action_digest, at_ms=now)
        )
        await connection.execute(
            update(approvals)
            .where(approvals.c.approval_id == grant.approval_id, approvals.c.claimed.is_(False))
            .values(claimed=True, version=approvals.c.version + 1)
        )


def because(decision: Decision) -> str:
    """The decision's reasons in one line."""
    return "; ".join(reason.text for reason in decision.reasons)


def rules_of(decision: Decision) -> tuple[str, ...]:
    return tuple(reason.rule for reason in decision.reasons)


def because_of(error: PermissionRefused) -> tuple[str, ...]:
    """The rules of a refusal; of one that names none, that something went wrong, which is a no too."""
    return error.rules or ("error",)
