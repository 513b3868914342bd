"""Slack's slash command: stop and resume from the channel, answered in private within Slack's 3 s."""

import asyncio
from typing import Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from contracts.attempts import Found
from contracts.errors import InterlockError
from gateway.asides import tell
from gateway.background import cause
from gateway.parts import Given, Parts
from gateway.ports import Switch
from gateway.problems import Problem, ProblemType, answers
from gateway.slack_requests import Signed, verified
from gateway.spoken import (
    BREAK_GLASS,
    HELP,
    NOT_FROM_SLACK,
    SlashCommand,
    Wish,
    read_command,
    read_wish,
)
from policies.people import short_name
from policies.switches import OPERATORS, Reach, reach_of
from policies.times import moment

LOG: Final = structlog.get_logger("gateway.slack")
router: Final = APIRouter(tags=["slack"])

_PATIENCE: Final = 2.0
"""Seconds that an answer may take; later ones are told afterwards, as Slack waits 3 s and not longer."""
_LONGEST: Final = 3_000
_NOTHING: Final = "; nothing changed."

_SAID: Final = {
    "type": "object",
    "required": ["response_type", "text", "blocks"],
    "properties": {
        "response_type": {"const": "ephemeral"},
        "text": {"type": "string"},
        "blocks": {"type": "array", "items": {"type": "object"}},
    },
}
_FORM: Final = {
    "type": "object",
    "required": ["api_app_id", "team_id", "channel_id", "user_id"],
    "properties": {
        name: {"type": "string"}
        for name in ("api_app_id", "team_id", "channel_id", "user_id", "text", "response_url")
    },
}


@router.post(
    "/slack/commands",
    summary="Slack's slash command",
    responses={
        200: {
            "description": "What came of it, for the person alone",
            "content": {"application/json": {"schema": _SAID}},
        },
        **answers(400, 401, 403, 413, open_to_all=True),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": _FORM}},
        }
    },
)
async def commands(request: Request, parts: Given) -> JSONResponse:
    signed = await verified(request, parts)
    command = read_command(signed.body)
    work = asyncio.create_task(_answered(parts, signed, command))
    done, _ = await asyncio.wait({work}, timeout=_PATIENCE)
    if not command.comes_from(parts.slack):
        await work
        raise Problem(
            ProblemType.FORBIDDEN, "this came from another workspace or app than the configured one"
        )
    if done:
        return _private(work.result())
    slow = "This takes longer than usual; what comes of it follows here. Look at /interlock switches too."
    return _private(slow, BackgroundTask(_later, parts, command, work))


async def _later(parts: Parts, command: SlashCommand, work: asyncio.Task[str]) -> None:
    await tell(parts.slack, command, await work)


async def _answered(parts: Parts, signed: Signed, command: SlashCommand) -> str:
    """The sentence for who typed it, of what went wrong too: nobody shall believe in a stop that is none."""
    try:
        return await _carried_out(parts, signed, command)
    except InterlockError as error:
        LOG.warning("command failed", user=command.slack_name, error=cause(error))
        return f"That did not work: {error.sentence}. Look at /interlock switches, and try again."


async def _carried_out(parts: Parts, signed: Signed, command: SlashCommand) -> str:
    wish = read_wish(command.text)
    signed.tried.actor = command.slack_name
    if not await parts.switches.first(signed.proof):
        return f"This command was received before{_NOTHING}"
    person = (await parts.in_force.people()).by_slack(command.team_id, command.user_id)
    signed.tried.actor = actor = person.principal if person else command.slack_name
    if wish.verb == BREAK_GLASS:
        signed.tried.say(Found.NAME, "as a verb to")
        return NOT_FROM_SLACK
    reach = reach_of(person) if person else None
    if refusal := _refusal(parts, command, wish, reach):
        word, sentence = refusal
        LOG.info("command refused", user=command.slack_name, refusal=word)
        await parts.switches.refuse(
            env=parts.env, scope=wish.scope, actor=actor, refusal=word, reason=f"{wish.verb}: {sentence}"
        )
        return f"{sentence}{_NOTHING}"
    if wish.scope and not wish.complaint:
        # Whoever may stop break-glass names it, and may say in the reason which session.
        signed.tried.forgive()
    if wish.complaint or reach is None or wish.verb == "help":
        return f"{wish.complaint}\n{HELP}".strip()
    if wish.verb == "switches":
        return await _listed(parts, reach)
    return await _set(parts, wish, actor)


def _refusal(parts: Parts, command: SlashCommand, wish: Wish, reach: Reach | None) -> tuple[str, str] | None:
    """The word for the audit, and the sentence for who typed it."""
    if not command.comes_from(parts.slack):
        return "elsewhere", "This came from another workspace or app than the configured one"
    if command.channel_id != parts.slack.channel:
        return "other_channel", "Commands count in the channel of the approvals alone"
    if wish.verb == "help":
        return None
    if reach is None:
        return (
            "not_operator",
            f"Only people whom the people file has in the group {OPERATORS} stop and resume",
        )
    if wish.scope and not wish.complaint and not reach.may_set(wish.scope):
        return "out_of_reach", f"You don't reach {wish.scope}"
    return None


async def _set(parts: Parts, wish: Wish, actor: str) -> str:
    stopped = wish.verb == "stop"
    until_ms = None if wish.lasts_ms is None else parts.clock.now_ms() + wish.lasts_ms
    switch = await parts.switches.set(
        env=parts.env, scope=wish.scope, stopped=stopped, reason=wish.reason, actor=actor, until_ms=until_ms
    )
    LOG.info("switch set", scope=wish.scope, stopped=stopped, principal=actor)
    if not stopped:
        parts.resumer.poke()
        after = "Halted runs carry on; what was approved before the stop is asked about anew."
        return f"{wish.scope} was resumed by {_who(actor)}: {wish.reason}\n{after}"
    after = "Within a second no call of it leaves any worker; runs that come to one are halted."
    return f"{_held(switch)}\n{after}\n{await parts.in_force.caution(wish.scope)}".rstrip()


async def _listed(parts: Parts, reach: Reach) -> str:
    now = parts.clock.now_ms()
    found = [switch for switch in await parts.switches.list(parts.env) if reach.may_see(switch.scope)]
    return "\n".join(_held(switch) for switch in found if switch.holds(now)) or "Nothing is stopped."


def _held(switch: Switch) -> str:
    until = "until it is resumed" if switch.until_ms is None else f"until {moment(switch.until_ms)}"
    since = moment(switch.at_ms)
    return f"{switch.scope} is stopped by {_who(switch.actor)} since {since}, {until}: {switch.reason}"


def _who(actor: str) -> str:
    return f"{short_name(actor)} ({actor})" if actor.startswith("principal:") else actor


def _private(text: str, after: BackgroundTask | None = None) -> JSONResponse:
    """Twice: as a plain block, and escaped for what shows no blocks. Outside words are never markup."""
    shown = text[:_LONGEST]
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    block = {"type": "section", "text": {"type": "plain_text", "text": shown, "emoji": False}}
    said = {"response_type": "ephemeral", "text": escaped, "blocks": [block]}
    return JSONResponse(said, background=after)
