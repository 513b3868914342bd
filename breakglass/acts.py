"""Acts over HTTP: proposed, confirmed by the digest of what was shown, settled where nobody knows."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Response

from breakglass.acting import Proposal
from breakglass.door import Asker
from breakglass.parts import Given
from breakglass.shapes import ActBody, ActShape, ConfirmBody, OutcomeBody
from breakglass.views import act_view
from gateway.bodies import StrictRoute
from gateway.idempotency import only_key
from gateway.problems import answers

LOG: Final = structlog.get_logger("breakglass.acts")
router: Final = APIRouter(route_class=StrictRoute, tags=["acts"])

_Key = Annotated[
    str, Depends(only_key("Names this act in its session: the same key and body give the same act."))
]


@router.post(
    "/v1/sessions/{session_id}/acts",
    status_code=201,
    summary="Propose an act, and see what it would change",
    responses={
        200: {"model": ActShape, "description": "This key proposed this act before"},
        **answers(400, 404, 409, 415),
    },
)
async def propose(
    session_id: str, body: ActBody, key: _Key, asker: Asker, parts: Given, response: Response
) -> ActShape:
    """Nothing is changed. An act that has an outcome already cannot be confirmed."""
    proposal = Proposal(key=key, tool=body.tool, arguments=body.arguments)
    action, new = await parts.acting.propose(asker.subject, session_id, proposal)
    LOG.info("act proposed", session_id=session_id, act_id=action.action_id, tool=action.tool, new=new)
    response.status_code = 201 if new else 200
    return act_view(action)


@router.post(
    "/v1/sessions/{session_id}/acts/{act_id}/confirm",
    summary="Confirm an act, and wait for its end",
    responses=answers(400, 404, 409, 415),
)
async def confirm(session_id: str, act_id: str, body: ConfirmBody, asker: Asker, parts: Given) -> ActShape:
    """Whoever hangs up does not stop it; again is the same act, and is sent once."""
    action = await parts.acting.confirm(asker.subject, session_id, act_id, body.action_digest)
    LOG.info("act ended", session_id=session_id, act_id=act_id, outcome=action.outcome)
    return act_view(action)


@router.post(
    "/v1/sessions/{session_id}/acts/{act_id}/outcome",
    summary="Say what an act did of which nobody knows",
    responses=answers(400, 404, 409, 415),
)
async def settle(session_id: str, act_id: str, body: OutcomeBody, asker: Asker, parts: Given) -> ActShape:
    """By another person of the group than the one who acted."""
    action = await parts.acting.settle(
        asker.subject, session_id, act_id, happened=body.outcome == "it_did", reason=body.reason
    )
    LOG.info("act settled", session_id=session_id, act_id=act_id, outcome=action.outcome)
    return act_view(action)
