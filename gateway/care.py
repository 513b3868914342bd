"""How careful people are who approve: for operators."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from gateway.asked import CareFilter
from gateway.auth import Operator, Principal
from gateway.bodies import StrictRoute
from gateway.operator_shapes import CarePage, CareShape
from gateway.parts import Given
from gateway.ports import CareQuery
from gateway.problems import Problem, ProblemType, answers
from gateway.shapes import milliseconds_of
from policies.care import Care, care
from policies.times import time_of

router: Final = APIRouter(route_class=StrictRoute, tags=["approvals"])

DAYS: Final = 31
"""The longest time that is looked back on."""
MOST: Final = 50_000
"""Answers that are counted at once."""

_DAY_MS: Final = 86_400_000


@router.get("/v1/approvals/care", summary="How people approve: how often, how fast", responses=answers())
async def read_care(wanted: Annotated[CareFilter, Query()], operator: Operator, parts: Given) -> CarePage:
    """Answers since then, or of the last 24 hours, to the question whether a write may happen.

    Never of more than the last 31 days: `since` of the answer says from when on it counts.
    """
    now = parts.clock.now_ms()
    since = now - _DAY_MS if wanted.since is None else milliseconds_of(wanted.since)
    since = min(max(since, now - DAYS * _DAY_MS), now)
    query = CareQuery(
        env=parts.env,
        tenant=_tenant(operator, wanted.tenant),
        routes=operator.routes,
        since_ms=since,
        limit=MOST + 1,
    )
    found = await parts.care.read(query)
    if len(found) > MOST:
        raise Problem(ProblemType.INVALID, f"there are more than {MOST} answers since then", field="since")
    return CarePage(since=time_of(since), until=time_of(now), people=tuple(map(_shape, care(found))))


def _tenant(operator: Principal, wanted: str | None) -> str | None:
    if operator.tenant is not None and wanted not in (None, operator.tenant):
        raise Problem(ProblemType.FORBIDDEN, "the token is for another tenant", field="tenant")
    return operator.tenant or wanted


def _shape(one: Care) -> CareShape:
    return CareShape(
        principal=one.principal,
        approved=one.approved,
        denied=one.denied,
        withdrawn=one.withdrawn,
        share_approved=None if one.share_approved is None else round(one.share_approved, 3),
        median_seconds=_seconds(one.median_ms),
        fastest_seconds=_seconds(one.fastest_ms),
        busiest_hour=one.busiest_hour,
        fast=one.fast,
    )


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1_000
