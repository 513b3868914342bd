"""Approvals over HTTP: what waits, the whole of one action, and a decision by an approver's token."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query

from contracts.approval import ApprovalRecord, Click
from contracts.errors import Unknown
from gateway import cursors
from gateway.approval_shapes import ApprovalList, ApprovalShape
from gateway.asked import ApprovalFilter, DecisionBody
from gateway.auth import Approver, Judge, Kind, Principal
from gateway.bodies import StrictRoute
from gateway.parts import Given, Parts
from gateway.ports import ApprovalQuery
from gateway.problems import Problem, ProblemType, answers, of_refusal
from gateway.views import approval_view

LOG: Final = structlog.get_logger("gateway.approvals")
router: Final = APIRouter(route_class=StrictRoute, tags=["approvals"])

_PAGE: Final = 50


@router.get("/v1/approvals", summary="List approvals, newest first", responses=answers())
async def list_approvals(
    wanted: Annotated[ApprovalFilter, Query()], judge: Judge, parts: Given
) -> ApprovalList:
    query = ApprovalQuery(
        env=parts.env,
        tenants=await _tenants(parts, judge),
        routes=judge.routes,
        state=wanted.state,
        before=cursors.read_place(wanted.cursor),
        limit=_PAGE + 1,
    )
    found = await parts.approvals.page(query)
    shown, last = found[:_PAGE], found[:_PAGE][-1:]
    cursor = cursors.after_place(last[0].requested_ms, last[0].approval_id) if len(found) > _PAGE else None
    return ApprovalList(approvals=tuple(approval_view(approval) for approval in shown), cursor=cursor)


@router.get("/v1/approvals/{approval_id}", summary="Read an approval", responses=answers(404))
async def read_approval(approval_id: str, judge: Judge, parts: Given) -> ApprovalShape:
    approval = await _known(parts, judge, approval_id)
    tenants = await _tenants(parts, judge)
    if tenants is not None and approval.tenant not in tenants:
        raise _absent()
    return approval_view(approval)


@router.post(
    "/v1/approvals/{approval_id}/decision",
    summary="Approve, deny or withdraw; or say what an unknown write did",
    responses=answers(400, 404, 409, 410, 415),
)
async def decide(approval_id: str, body: DecisionBody, approver: Approver, parts: Given) -> ApprovalShape:
    """The same rules as a click in Slack; a decision that does not count is refused with its sentence."""
    received_ms = parts.clock.now_ms()
    await _known(parts, approver, approval_id)
    click = Click(
        approval_id=approval_id,
        action_digest=body.action_digest,
        answer=body.answer,
        principal=approver.subject,
        way="http",
        reason=body.reason or "",
        at_ms=received_ms,
    )
    ruled = await parts.desk.decide(click, tenant=approver.tenant, env=parts.env)
    if ruled.refusal is not None:
        raise of_refusal(ruled.refusal, parts.told(ruled))
    if ruled.approval is None:
        raise _absent()
    parts.drain.poke()
    LOG.info("decision taken", approval_id=approval_id, answer=click.answer, principal=click.principal)
    return approval_view(ruled.approval)


def _absent() -> Problem:
    return Problem(ProblemType.NOT_FOUND, "there is no such approval, or not for this token")


async def _known(parts: Parts, judge: Principal, approval_id: str) -> ApprovalRecord:
    """The approval, where the token reaches it; whether its holder may decide is the desk's to say."""
    if not approval_id.replace("_", "").isalnum() or not approval_id.isascii():
        raise _absent()
    try:
        approval = await parts.approvals.get(approval_id)
    except Unknown as error:
        raise _absent() from error
    if approval.env != parts.env or not judge.reaches(tenant=approval.tenant, route=approval.route):
        raise _absent()
    return approval


async def _tenants(parts: Parts, judge: Principal) -> tuple[str, ...] | None:
    """Tenants whose approvals this principal may see; None: all."""
    if judge.kind is Kind.OPERATOR:
        return None if judge.tenant is None else (judge.tenant,)
    person = (await parts.in_force.people()).by_principal(judge.subject)
    tenants = person.tenants if person else ()
    return tuple(name for name in tenants if judge.tenant in (None, name))
