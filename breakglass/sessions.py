"""Sessions over HTTP: asked for, consented to, read, closed, reported."""

from typing import Final

import structlog
from fastapi import APIRouter

from breakglass.door import Asker
from breakglass.opening import Wish
from breakglass.parts import Given, Parts
from breakglass.shapes import (
    CloseBody,
    ConsentBody,
    HealthShape,
    OpenBody,
    ReportShape,
    SessionList,
    SessionShape,
)
from breakglass.views import session_view
from contracts.break_glass import SessionRecord
from contracts.errors import Conflict, Unknown
from gateway.bodies import StrictRoute
from gateway.problems import answers

LOG: Final = structlog.get_logger("breakglass.sessions")
router: Final = APIRouter(route_class=StrictRoute, tags=["sessions"])


@router.post("/v1/sessions", status_code=201, summary="Ask for a session", responses=answers(400, 409, 415))
async def ask(body: OpenBody, asker: Asker, parts: Given) -> SessionShape:
    """Everybody is alerted; nothing is open before another person has consented with a passkey."""
    wish = Wish(
        tenant=body.tenant,
        tools=tuple(body.tools),
        minutes=body.minutes,
        reason=body.reason,
        overrides=tuple(body.overrides),
    )
    record = await parts.openings.ask(asker.subject, wish)
    LOG.info("session asked for", session_id=record.opening.session_id, tenant=body.tenant)
    return session_view(record)


@router.get("/v1/sessions", summary="List sessions, newest first", responses=answers())
async def listed(asker: Asker, parts: Given) -> SessionList:
    async with parts.members.refusing("read", asker.subject):
        found = await parts.members.list(asker.subject)
    return SessionList(sessions=tuple([await _whole(parts, record) for record in found]))


@router.get("/v1/sessions/{session_id}", summary="Read a session", responses=answers(404))
async def read(session_id: str, asker: Asker, parts: Given) -> SessionShape:
    return await _whole(parts, await _seen(parts, asker, session_id))


@router.post(
    "/v1/sessions/{session_id}/consent",
    summary="Consent to a session, with a passkey",
    responses=answers(400, 404, 409, 415),
)
async def consent(session_id: str, body: ConsentBody, asker: Asker, parts: Given) -> SessionShape:
    """By another person than the opener; the session is open from now on, for its minutes."""
    record = await parts.openings.consent(
        asker.subject, session_id, body.opening_digest, body.assertion.assertion()
    )
    LOG.info("session opened", session_id=session_id, tenant=record.opening.tenant)
    return await _whole(parts, record)


@router.post(
    "/v1/sessions/{session_id}/close",
    summary="Close a session, or refuse one that waits",
    responses=answers(400, 404, 409, 415),
)
async def close(session_id: str, body: CloseBody, asker: Asker, parts: Given) -> SessionShape:
    """What is in hand comes to its end first; again is nothing."""
    record = await parts.ending.close(asker.subject, session_id, body.reason or "")
    return await _whole(parts, record)


@router.get(
    "/v1/sessions/{session_id}/report", summary="Read what came of a session", responses=answers(404, 409)
)
async def report(session_id: str, asker: Asker, parts: Given) -> ReportShape:
    record = await _seen(parts, asker, session_id)
    if not record.state.ended:
        raise Conflict(f"the session is {record.state}: its report is written when it ends")
    if record.report is None:
        raise Unknown("there is no report: it was never open, or its tenant was forgotten")
    return ReportShape.model_validate(record.report)


@router.get("/healthz", summary="Whether the process serves", responses=answers(open_to_all=True))
async def health() -> HealthShape:
    return HealthShape(status="ok")


async def _seen(parts: Parts, asker: Asker, session_id: str) -> SessionRecord:
    async with parts.members.refusing("read", asker.subject, session_id):
        _, record = await parts.members.visible(asker.subject, session_id)
        return record


async def _whole(parts: Parts, record: SessionRecord) -> SessionShape:
    return session_view(record, await parts.acting.of(record.opening.session_id))
