"""Slack's interactions: a click is verified, decided, then acknowledged; a refusal is told in private."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, urlsplit

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.background import BackgroundTask

from contracts.approval import Answer, Click, Ruled
from contracts.errors import InterlockError, TokenRefused
from gateway.background import cause
from gateway.parts import Given, Parts, SlackApp
from gateway.problems import Problem, ProblemType, answers, of_error

LOG: Final = structlog.get_logger("gateway.slack")
router: Final = APIRouter(tags=["slack"])

ANSWERS: Final = {
    "interlock.approve": Answer.APPROVE,
    "interlock.deny": Answer.DENY,
    "interlock.did": Answer.IT_DID,
    "interlock.did_not": Answer.IT_DID_NOT,
    "interlock.stop": Answer.STOP,
}
"""Our buttons, by ``action_id``."""

_VALUE: Final = re.compile(r"(apr_[0-9a-f]{1,36})\|(sha256:[0-9a-f]{64})")
_ORIGIN: Final = "https://hooks.slack.com"


class _Heard(BaseModel):
    """A part of Slack's payload: what we read of it; Slack sends more, and may add to it."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Team(_Heard):
    id: str = Field(pattern=r"^[A-Z0-9]{1,40}$")


class _User(_Heard):
    id: str = Field(pattern=r"^[A-Z0-9]{1,40}$")
    #: The person's own workspace, which is another one in a shared channel.
    team_id: str | None = Field(default=None, pattern=r"^[A-Z0-9]{1,40}$")


class _Channel(_Heard):
    id: str = Field(pattern=r"^[A-Z0-9]{1,40}$")


class _Container(_Heard):
    channel_id: str | None = None
    message_ts: str | None = None


class _Action(_Heard):
    action_id: str
    value: str = ""


class Interaction(_Heard):
    """A person pressed something."""

    type: str
    api_app_id: str
    team: _Team
    user: _User
    channel: _Channel | None = None
    container: _Container = _Container()
    actions: tuple[_Action, ...] = Field(default=(), strict=False)
    response_url: str | None = None

    @property
    def slack_name(self) -> str:
        """Who it was, where the people file knows nobody."""
        return f"slack:{self.user.team_id or self.team.id}/{self.user.id}"

    def comes_from(self, app: SlackApp) -> bool:
        """Whether workspace, app and channel are the configured ones."""
        channel = self.channel.id if self.channel else None
        place = (self.team.id, self.api_app_id, channel, self.container.channel_id)
        return place == (app.team, app.app, app.channel, app.channel)


@dataclass(frozen=True, kw_only=True)
class Press:
    """One of our buttons, as it was pressed."""

    approval_id: str
    action_digest: str
    answer: Answer


@router.post(
    "/slack/interactions",
    summary="Slack's block_actions",
    response_class=Response,
    responses={
        200: {"description": "Received", "content": {"text/plain": {"schema": {"const": ""}}}},
        **answers(400, 401, 403, 413, open_to_all=True),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["payload"],
                        "properties": {"payload": {"type": "string", "contentMediaType": "application/json"}},
                    }
                }
            },
        }
    },
)
async def interactions(request: Request, parts: Given) -> Response:
    received_ms = parts.clock.now_ms()
    body = await request.body()
    try:
        parts.slack.signature.verify(request.headers, body, received_ms // 1_000)
    except TokenRefused as error:
        LOG.warning("slack request refused", error=error.sentence)
        raise of_error(error) from error
    heard = read_interaction(body)
    press = read_press(heard)
    ours = heard.comes_from(parts.slack)
    if press is not None:
        ruled = await _decide(parts, heard, press, request, received_ms, ours=ours)
        if ours:
            return _acknowledged(parts, heard, ruled)
    if not ours:
        raise Problem(
            ProblemType.FORBIDDEN, "this came from another workspace, app or channel than the configured one"
        )
    return _empty()


def read_interaction(body: bytes) -> Interaction:
    """The payload of a form body. Raises Problem where it is none."""
    try:
        form = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=4)
        (payload,) = form["payload"]
        return Interaction.model_validate(_object(payload))
    except (ValidationError, ValueError, KeyError, RecursionError) as error:
        raise Problem(ProblemType.MALFORMED, "this is no interaction of Slack's", field="payload") from error


def _object(payload: str) -> Any:
    value = json.loads(payload)
    if isinstance(value, dict) and isinstance(value.get("actions"), list):
        value["actions"] = tuple(value["actions"])
    return value


def read_press(heard: Interaction) -> Press | None:
    """The button of ours that was pressed; None: none was. Raises Problem where its value is none of ours."""
    pressed = [action for action in heard.actions if action.action_id in ANSWERS]
    if heard.type != "block_actions" or not pressed:
        return None
    found = _VALUE.fullmatch(pressed[0].value)
    if len(pressed) > 1 or found is None:
        raise Problem(ProblemType.MALFORMED, "this button carries no action of ours", field="payload")
    return Press(approval_id=found[1], action_digest=found[2], answer=ANSWERS[pressed[0].action_id])


async def _decide(
    parts: Parts, heard: Interaction, press: Press, request: Request, received_ms: int, *, ours: bool
) -> Ruled:
    """Take it to the desk, which audits what it refuses. A click from elsewhere goes there without its card,
    which the desk never accepts."""
    team = heard.user.team_id or heard.team.id
    person = (await parts.in_force.people()).by_slack(team, heard.user.id)
    click = Click(
        approval_id=press.approval_id,
        action_digest=press.action_digest,
        answer=press.answer,
        principal=person.principal if person else heard.slack_name,
        way="slack",
        reason="",
        at_ms=received_ms,
        proof=parts.slack.signature.proof(request.headers),
        channel=parts.slack.channel if ours else None,
        message_ts=heard.container.message_ts if ours else None,
    )
    ruled = await parts.desk.decide(click, env=parts.env)
    LOG.info(
        "click decided",
        approval_id=press.approval_id,
        answer=press.answer,
        principal=click.principal,
        refusal=ruled.refusal,
    )
    return ruled


def _acknowledged(parts: Parts, heard: Interaction, ruled: Ruled) -> Response:
    """The acknowledgement; what a refused person is told follows it, as Slack waits 3 s and not longer."""
    if ruled.refusal is None:
        parts.drain.poke()
        return _empty()
    return _empty(BackgroundTask(tell, parts.slack, heard, ruled.sentence))


def _empty(after: BackgroundTask | None = None) -> Response:
    return Response(status_code=200, media_type="text/plain", background=after)


async def tell(app: SlackApp, heard: Interaction, sentence: str) -> None:
    """Tell the person who clicked. A failure is logged and changes nothing: the card shows what stands."""
    try:
        if heard.response_url is not None and answerable(heard.response_url, app.url):
            await app.private.respond(heard.response_url, sentence)
        else:
            await app.private.say(channel=app.channel, user=heard.user.id, text=sentence)
    except InterlockError as error:
        LOG.warning("refusal not told", user=heard.slack_name, error=cause(error))


def answerable(url: str, slack_url: str) -> bool:
    """Whether a ``response_url`` is the configured Slack's: nobody else gets to choose whom we call."""
    try:
        return _origin(urlsplit(url)) == _origin(urlsplit(slack_url or _ORIGIN)) != ("", "", None)
    except ValueError:
        return False


def _origin(url: SplitResult) -> tuple[str, str, int | None]:
    if url.username is not None or url.password is not None:
        raise ValueError("an address of Slack's names no user")
    port = url.port or {"https": 443, "http": 80}.get(url.scheme)
    return url.scheme, url.hostname or "", port
