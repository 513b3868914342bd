"""``python -m bench.clicks CLICKS``: what a click in Slack takes, on the whole embedded stack.

One click a second until its write is in the helpdesk's own log; then 50 a second until each is acknowledged:
one of two people's, then those with a write behind each, so that the whole stack is at work beside it.
"""

import asyncio
import hashlib
import hmac
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx
import yaml

from embedded.seed import APP, CHANNEL, TEAM
from embedded.stack import shipped_tools
from tests.acceptance.stack_world import Json, World, open_tickets, running_world

ROUTE: Final = "support/mail-script"
TWO: Final = "support/mail-for-two"
FOR_TWO: Final = "email.send_for_two"
_FILE: Final = """
description: Send the mail that the run's input says.
model: {name: scripted, max_output_tokens: 800}
prompt: Do what the input says.
input: {type: object, properties: {}}
allow_tools: [TOOL]
budgets: {steps: 5, seconds: 600, usd: "1.00", denials: 3}
approval: {group: support-leads, deadline: 4h}
"""
_CALM: Final = 20
_PER_SECOND: Final = 50
_STARTS_AT_ONCE: Final = 8


@dataclass(frozen=True, kw_only=True)
class Clicked:
    """One click: its run, and the answer to it."""

    run_id: str
    #: Unix seconds at which it left.
    at: float
    #: Seconds until it was acknowledged.
    acknowledged: float


@dataclass(frozen=True, kw_only=True)
class Felt:
    """What approvers feel. Seconds; one of each click."""

    #: To the answer, at 50 clicks a second: of the first of two people; with a write behind each.
    first_of_two: Sequence[float]
    with_write: Sequence[float]
    #: From a click, one a second, to its write at the target.
    written: Sequence[float]
    #: Clicks with a write behind them, and writes that the target executed.
    clicks: int
    writes: int


async def clicked(world: World, clicks: int) -> Felt:
    """Have the runs wait, then click: some slowly, the others at 50 a second."""
    secret = json.loads((world.state / "slack.json").read_text())["signing_secret"]
    runs = await _waiting(world, ROUTE, "email.send", _CALM + clicks)
    two = await _waiting(world, TWO, FOR_TWO, clicks)
    cards = [_card(message, runs | two) for message in await world.messages()]
    alone = [card for card in cards if card.run_id in runs.values()]
    calm = await _click_all(world, secret, alone[:_CALM], 1.0)
    half = [card for card in cards if card.run_id in two.values()]
    first = await _click_all(world, secret, half, 1 / _PER_SECOND)
    storm = await _click_all(world, secret, alone[_CALM:], 1 / _PER_SECOND)
    for click in (*calm, *storm):
        await world.until(click.run_id, "completed", seconds=300)
    return Felt(
        first_of_two=[click.acknowledged for click in first],
        with_write=[click.acknowledged for click in storm],
        written=[await _written(world, click) for click in calm],
        clicks=len(calm) + len(storm),
        writes=len(await world.mails()),
    )


async def _waiting(world: World, route: str, tool: str, runs: int) -> dict[str, str]:
    """So many runs by the approvals that they wait for, whose cards stand."""
    gate = asyncio.Semaphore(_STARTS_AT_ONCE)
    tickets = open_tickets()

    async def one(number: int) -> tuple[str, str]:
        args = {"ticket_id": tickets[number % len(tickets)], "subject": f"Mail {number}", "body": "Hello."}
        async with gate:
            given = {"script": [[{"tool": tool, "args": args}]], "final": "Done."}
            run_id = await world.start_on(route, given)
            run = await world.until(run_id, "waiting_approval", seconds=300)
        return str(run["actions"][-1]["approval_id"]), run_id

    waiting = dict(await asyncio.gather(*map(one, range(runs))))
    async with asyncio.timeout(600):
        while {*waiting} - await _shown(world):  # noqa: ASYNC110  another process sets no event
            await asyncio.sleep(1)
    return waiting


async def _shown(world: World) -> set[str]:
    """Approvals whose cards stand."""
    return {
        element["value"].partition("|")[0]
        for message in await world.messages()
        for block in message["blocks"]
        for element in block.get("elements", ())
        if element.get("action_id") == "interlock.approve"
    }


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card, and the run that waits for it."""

    run_id: str
    ts: str
    #: Of its Approve button.
    value: str


def _card(message: Json, runs: Mapping[str, str]) -> Card:
    (button,) = (
        element
        for block in message["blocks"]
        for element in block.get("elements", ())
        if element.get("action_id") == "interlock.approve"
    )
    approval, _, _ = button["value"].partition("|")
    return Card(run_id=runs[approval], ts=message["ts"], value=button["value"])


async def _click_all(world: World, secret: str, cards: Sequence[Card], every: float) -> list[Clicked]:
    """One click each ``every`` seconds, whether the one before is answered or not."""
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(trust_env=False, timeout=10, limits=limits) as http:
        clicks, due = [], time.monotonic()
        for card in cards:
            clicks.append(asyncio.create_task(_click(world, http, secret, card)))
            due += every
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        return await asyncio.gather(*clicks)


async def _click(world: World, http: httpx.AsyncClient, secret: str, card: Card) -> Clicked:
    payload = {
        "type": "block_actions",
        "user": {"id": "U0ADA", "team_id": TEAM},
        "api_app_id": APP,
        "team": {"id": TEAM},
        "channel": {"id": CHANNEL},
        "container": {"type": "message", "message_ts": card.ts, "channel_id": CHANNEL},
        "actions": [{"type": "button", "action_id": "interlock.approve", "value": card.value}],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    at = time.time()
    mac = hmac.new(secret.encode(), f"v0:{int(at)}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": str(int(at)),
        "X-Slack-Signature": f"v0={mac}",
    }
    answer = await http.post(world.at("gateway") + "/slack/interactions", content=body, headers=headers)
    answer.raise_for_status()
    return Clicked(run_id=card.run_id, at=at, acknowledged=time.time() - at)


async def _written(world: World, click: Clicked) -> float:
    """Seconds from the click to its write, by the target's own log."""
    run = await world.run(click.run_id)
    (write,) = await world.writes(run["actions"][-1]["idempotency_key"])
    return datetime.fromisoformat(write["at"]).timestamp() - click.at


def _show(what: str, seconds: Sequence[float]) -> None:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    print(f"{what:>28}: p50 {cuts[49] * 1_000:5.0f} ms, p99 {cuts[98] * 1_000:5.0f} ms, of {len(seconds)}")


async def _main(clicks: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tools = yaml.safe_load(shipped_tools().read_text())
        tools["tools"][FOR_TWO] = tools["tools"]["email.send"] | {"effect": "destructive"}
        (Path(folder) / "tools.yaml").write_text(json.dumps(tools))
        routes = {ROUTE: _FILE.replace("TOOL", "email.send"), TWO: _FILE.replace("TOOL", FOR_TWO)}
        async with running_world(Path(folder), routes, Path(folder) / "tools.yaml") as world:
            felt = await clicked(world, clicks)
    _show("click to write, one a second", felt.written)
    _show(f"click to answer, {_PER_SECOND} a second", felt.first_of_two)
    _show("with a write behind each", felt.with_write)
    print(f"{felt.writes} writes of {felt.clicks} clicks")


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 250))
