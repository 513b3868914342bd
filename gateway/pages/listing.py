"""What waits for me, what ends first at the top; beside it what I decided lately."""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from contracts.approval import ApprovalRecord, ApprovalState, Person
from gateway.pages import standing
from gateway.pages.drawing import page
from gateway.pages.offers import may_judge, offers
from gateway.pages.shown import shown, soonest
from gateway.pages.visits import Visit, visit_of
from gateway.parts import Parts
from gateway.ports import ApprovalQuery

_LOOKED_AT: Final = 200
"""Approvals of each kind that one page looks through; the sentence below says so where there are more."""
_LATELY: Final = 10


async def show(request: Request) -> Response:
    visit = await visit_of(request)
    person, now_ms = visit.signed_in(), visit.parts.clock.now_ms()
    waiting = await _found(visit, person, ApprovalState.WAITING)
    mine = [one for one in waiting if may_judge(one, person, visit.people, now_ms)]
    open_now = [one for one in mine if offers(one, person, visit.people, now_ms).waits]
    return await page(
        "listing.html",
        visit,
        waiting=[shown(one) for one in soonest(open_now)],
        decided=[shown(one) for one in await _decided(visit, person, mine)],
        more=len(waiting) == _LOOKED_AT,
        now_ms=now_ms,
        standing=standing,
    )


async def _decided(
    visit: Visit[Parts], person: Person, waiting: Sequence[ApprovalRecord]
) -> list[ApprovalRecord]:
    """By this person, the latest first; one that waits for somebody else's word too is among them."""
    found = [*waiting, *await _found(visit, person, None)]
    spoken = {one.approval_id: one for one in found if _spoke(one, person) is not None}
    return sorted(spoken.values(), key=lambda one: -(_spoke(one, person) or 0))[:_LATELY]


def _spoke(approval: ApprovalRecord, person: Person) -> int | None:
    """When this person last decided on it."""
    times = [grant.at_ms for grant in approval.grants if grant.approver == person.principal]
    return max(times, default=None)


async def _found(
    visit: Visit[Parts], person: Person, state: ApprovalState | None
) -> Sequence[ApprovalRecord]:
    query = ApprovalQuery(
        env=visit.parts.env,
        tenants=person.tenants,
        routes=person.routes,
        state=state,
        before=None,
        limit=_LOOKED_AT if state else _LOOKED_AT // 4,
    )
    return await visit.parts.approvals.page(query)
