"""Slack's interactions: a click is verified, decided, then acknowledged; a refusal is told in private."""

from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from contracts.approval import Answer, Click, Ruled
from contracts.denial import DenialForm
from gateway.asides import tell
from gateway.denials import Denial, ask_why, complaint, read_denial, unfit
from gateway.interactions import Interaction, Press, read_interaction, read_press
from gateway.parts import Given, Parts
from gateway.problems import Problem, ProblemType, answers
from gateway.slack_requests import verified

LOG: Final = structlog.get_logger("gateway.slack")
router: Final = APIRouter(tags=["slack"])

_ERRORS: Final = {
    "type": "object",
    "required": ["response_action", "errors"],
    "properties": {
        "response_action": {"const": "errors"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_RECEIVED: Final = {
    "description": "Received; of a form that does not count, why",
    "content": {"text/plain": {"schema": {"const": ""}}, "application/json": {"schema": _ERRORS}},
}
_FORM: Final = {
    "type": "object",
    "required": ["payload"],
    "properties": {"payload": {"type": "string", "contentMediaType": "application/json"}},
}


@dataclass(frozen=True, kw_only=True)
class _Arrival:
    """A verified interaction."""

    heard: Interaction
    at_ms: int
    proof: str
    #: Of the configured workspace, app and channel.
    ours: bool


@router.post(
    "/slack/interactions",
    summary="Slack's block_actions and view_submission",
    response_class=Response,
    responses={200: _RECEIVED, **answers(400, 401, 403, 413, open_to_all=True)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": _FORM}},
        }
    },
)
async def interactions(request: Request, parts: Given) -> Response:
    arrival = await _arrived(request, parts)
    response = await _answered(parts, arrival)
    if not arrival.ours:
        raise Problem(
            ProblemType.FORBIDDEN, "this came from another workspace, app or channel than the configured one"
        )
    return response


async def _arrived(request: Request, parts: Parts) -> _Arrival:
    signed = await verified(request, parts)
    heard = read_interaction(signed.body)
    signed.tried.actor = heard.slack_name
    signed.tried.check()
    return _Arrival(heard=heard, at_ms=signed.at_ms, proof=signed.proof, ours=heard.comes_from(parts.slack))


async def _answered(parts: Parts, arrival: _Arrival) -> Response:
    """What came from elsewhere is taken to the desk too, which audits that it refused it."""
    if (press := read_press(arrival.heard)) is not None:
        return await _pressed(parts, arrival, press)
    if (denial := read_denial(arrival.heard)) is not None:
        return await _denied(parts, arrival, denial)
    return _empty()


async def _pressed(parts: Parts, arrival: _Arrival, press: Press) -> Response:
    """Deny is only weighed: it counts once its reason is here. What is left to say or to open follows the
    acknowledgement, as Slack waits 3 s and not longer."""
    click = await _click(
        parts,
        arrival,
        approval_id=press.approval_id,
        action_digest=press.action_digest,
        answer=press.answer,
        channel=parts.slack.channel,
        message_ts=arrival.heard.container.message_ts,
    )
    denies = press.answer is Answer.DENY
    desk = parts.desk
    ruled = await (desk.weigh(click, env=parts.env) if denies else desk.decide(click, env=parts.env))
    _log("deny weighed" if denies else "click decided", click, ruled)
    if ruled.refusal is not None or ruled.approval is None:
        return _empty(BackgroundTask(tell, parts.slack, arrival.heard, parts.told(ruled)))
    if denies:
        return _empty(BackgroundTask(ask_why, parts.slack, arrival.heard, ruled.approval, _form(click)))
    parts.drain.poke()
    return _empty()


def _form(click: Click) -> DenialForm:
    """The desk took the click for one from its card, so it names one."""
    return DenialForm(
        approval_id=click.approval_id,
        action_digest=click.action_digest,
        channel=click.channel or "",
        message_ts=click.message_ts or "",
    )


async def _denied(parts: Parts, arrival: _Arrival, denial: Denial) -> Response:
    """The form has no card of its own; its metadata names the one on which Deny was pressed, and is believed.
    Slack signs it as that of a view of our app, no client can change it, and only our bot token opens such
    views, which we do for clicks that the desk took for one from that card. Whoever else held the token could
    as well write over the card. All that a form can do is deny, in the name of who sent it off."""
    sentence = unfit(denial.reason)
    if arrival.ours and sentence is not None:
        return JSONResponse(complaint(sentence))
    click = await _click(
        parts,
        arrival,
        approval_id=denial.form.approval_id,
        action_digest=denial.form.action_digest,
        answer=Answer.DENY,
        channel=denial.form.channel,
        message_ts=denial.form.message_ts,
        reason=denial.reason if sentence is None else "",
    )
    ruled = await parts.desk.decide(click, env=parts.env)
    _log("denial decided", click, ruled)
    if ruled.refusal is not None:
        return JSONResponse(complaint(ruled.sentence))
    parts.drain.poke()
    return _empty()


async def _click(
    parts: Parts,
    arrival: _Arrival,
    *,
    approval_id: str,
    action_digest: str,
    answer: Answer,
    channel: str,
    message_ts: str | None,
    reason: str = "",
) -> Click:
    """Whose wish it is, by workspace and user id. What comes from elsewhere has no card, which the desk never
    accepts."""
    heard = arrival.heard
    person = (await parts.in_force.people()).by_slack(heard.home, heard.user.id)
    return Click(
        approval_id=approval_id,
        action_digest=action_digest,
        answer=answer,
        principal=person.principal if person else heard.slack_name,
        way="slack",
        reason=reason,
        at_ms=arrival.at_ms,
        proof=arrival.proof,
        channel=channel if arrival.ours else None,
        message_ts=message_ts if arrival.ours else None,
    )


def _log(event: str, click: Click, ruled: Ruled) -> None:
    LOG.info(
        event,
        approval_id=click.approval_id,
        answer=click.answer,
        principal=click.principal,
        refusal=ruled.refusal,
    )


def _empty(after: BackgroundTask | None = None) -> Response:
    return Response(status_code=200, media_type="text/plain", background=after)
