"""What operators see of break-glass. Nothing of it is asked for, opened or ended here."""

from typing import Annotated, Final

from fastapi import APIRouter, Path

from contracts.errors import Unknown
from gateway.auth import Operator, Principal
from gateway.bodies import StrictRoute
from gateway.parts import Given
from gateway.problems import answers
from gateway.session_shapes import ReportedSession, ReportedSessions, reported

router: Final = APIRouter(route_class=StrictRoute, tags=["operations"])

_PAGE: Final = 50


@router.get("/v1/break-glass", summary="The latest sessions of break-glass", responses=answers())
async def listed(operator: Operator, parts: Given) -> ReportedSessions:
    found = await parts.openings.list(parts.env, limit=_PAGE)
    return ReportedSessions(
        sessions=tuple(reported(one) for one in found if _reaches(operator, one.opening.tenant))
    )


@router.get("/v1/break-glass/{session_id}", summary="One session, and its report", responses=answers(404))
async def one(
    session_id: Annotated[str, Path(max_length=40)], operator: Operator, parts: Given
) -> ReportedSession:
    record = await parts.openings.get(session_id)
    if record.opening.env != parts.env or not _reaches(operator, record.opening.tenant):
        raise Unknown(f"there is no session {session_id} of break-glass")
    return reported(record)


def _reaches(operator: Principal, tenant: str) -> bool:
    """A session is of no route, so its tenant alone says who sees it."""
    return operator.tenant in (None, tenant)
