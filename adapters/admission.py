"""What must hold for a write to leave, as one transaction sees it: policy, limits, target and approvals."""

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import epoch
from adapters.action_rows import read_action
from adapters.approval_rows import read_approval
from adapters.limits import exceeded
from adapters.proofs import Proofs
from adapters.schema import claims
from adapters.standing import (
    current_people,
    current_route,
    current_ruling,
    pinned_catalogue,
    voided,
)
from contracts.approval import ApprovalState
from contracts.decision import Call, Decision, Ruling
from contracts.errors import Malformed, PermissionRefused
from contracts.ledger import Claim, ClaimRequest
from contracts.run import Outcome, WarrantedRun
from contracts.tokens import Grant
from contracts.tool import Effect, ToolSpec
from policies.quorum import standing


class ClaimRefused(Exception):
    """Ends a claim's transaction with a no; caught where the claim is answered."""

    def __init__(self, sentence: str, outcome: Outcome = Outcome.FAILED, say: str = "refused") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.claim = Claim(say=say, sentence=sentence, outcome=outcome)


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
        raise ClaimRefused(error.sentence, Outcome.DENIED) from error
    if decision.ruling is Ruling.DENY:
        text = f"the policy in force no longer allows it: {because(decision)}"
        raise ClaimRefused(text, Outcome.DENIED)
    return decision


async def check_limits(connection: AsyncConnection, request: ClaimRequest, now_ms: int) -> None:
    """Raises ClaimRefused where this write would exceed a limit of the route in force."""
    route = await current_route(connection, request.run.warrant)
    try:
        sentence = await exceeded(connection, route, request.frozen, now_ms)
    except Malformed as error:
        raise ClaimRefused(error.sentence, Outcome.DENIED) from error
    if sentence is not None:
        raise ClaimRefused(sentence, Outcome.DENIED)


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
        raise ClaimRefused(text)


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
        raise ClaimRefused("nobody was asked to approve it", Outcome.REJECTED)
    approval = await read_approval(connection, proofs.verifier, action.approval_id)
    if approval.state is not ApprovalState.APPROVED or approval.action_digest != request.action_digest:
        raise ClaimRefused(f"its approval is {approval.state}, not approved", Outcome.REJECTED)
    people = await current_people(connection, approval.env)
    now_valid = await epoch.current(connection)
    given = [grant for grant in approval.grants if grant.epoch == now_valid]
    if len(given) < len(approval.grants):
        text = "it was approved before the store was restored, so it needs a new approval"
        raise ClaimRefused(text, Outcome.REJECTED)
    counted = tuple(proofs.proven(grant, people) for grant in standing(approval, given, people))
    if len(counted) < decision.approvals:
        text = f"it needs {decision.approvals} approvals that stand now and has {len(counted)}"
        raise ClaimRefused(text, Outcome.REJECTED)
    if request.spec.effect is Effect.DESTRUCTIVE and not any(grant.assertion for grant in counted):
        text = "it is destructive, and no passkey of those who approved it signed it"
        raise ClaimRefused(text, Outcome.REJECTED)
    if sentence := await voided(connection, request.run.warrant, request.frozen.tool, counted, now_ms):
        raise ClaimRefused(sentence, say="voided")
    return counted


def because(decision: Decision) -> str:
    """The decision's reasons in one line."""
    return "; ".join(reason.text for reason in decision.reasons)
