"""Circuit breakers over HTTP: seen by operators, and reset by them with a reason."""

from typing import Annotated, Final

from fastapi import APIRouter, Path

from contracts.breaker import BreakerState
from contracts.errors import Unknown
from gateway.asked import ResetBody
from gateway.auth import Operator, Principal
from gateway.bodies import StrictRoute
from gateway.operator_shapes import BreakerCounts, BreakerList, BreakerShape
from gateway.parts import Given, Parts
from gateway.ports import BreakerStanding
from gateway.problems import Problem, ProblemType, answers
from gateway.shapes import RouteName
from policies.times import maybe_time, time_of

router: Final = APIRouter(route_class=StrictRoute, tags=["breakers"])


@router.get("/v1/breakers", summary="List circuit breakers", responses=answers())
async def list_breakers(operator: Operator, parts: Given) -> BreakerList:
    """Those of the routes in force that have one."""
    found = await parts.breakers.list()
    return BreakerList(
        breakers=tuple(_view(one, operator) for one in found if operator.may_use(one.record.route))
    )


@router.post(
    "/v1/breakers/{route:path}/reset", summary="Close a circuit breaker", responses=answers(400, 404, 415)
)
async def reset_breaker(
    route: Annotated[RouteName, Path()], body: ResetBody, operator: Operator, parts: Given
) -> BreakerShape:
    """Runs start and write again at once; what happened before counts no more."""
    if not operator.reach.may_set(f"route:{route}"):
        raise Problem(
            ProblemType.FORBIDDEN, f"the token does not reach {route} of every tenant", field="route"
        )
    try:
        await parts.breakers.reset(route, actor=operator.subject, reason=body.reason)
    except Unknown as error:
        raise Problem(ProblemType.NOT_FOUND, error.sentence, field="route") from error
    parts.resumer.poke()
    return await _shown(parts, operator, route)


async def _shown(parts: Parts, operator: Principal, route: str) -> BreakerShape:
    found = [one for one in await parts.breakers.list() if one.record.route == route]
    if not found:
        raise Problem(ProblemType.NOT_FOUND, f"{route} has no breaker any more", field="route")
    return _view(found[0], operator)


def _view(standing: BreakerStanding, operator: Principal) -> BreakerShape:
    """A breaker counts over all tenants: who reaches one of them sees that it holds, and why."""
    record, counts, whole = standing.record, standing.counts, operator.tenant is None
    opened = record.state is not BreakerState.CLOSED
    return BreakerShape(
        route=record.route,
        state=record.state,
        reason=record.reason,
        actor=record.actor,
        at=maybe_time(record.at_ms or None),
        until=time_of(record.until_ms) if opened and record.until_ms is not None else None,
        probe_run=record.probe_run if whole else None,
        counts=BreakerCounts(
            runs=counts.runs,
            failed=counts.failed,
            denials=counts.denials,
            unknowns=counts.unknowns,
            usd=f"{counts.usd:f}",
        )
        if whole
        else None,
    )
