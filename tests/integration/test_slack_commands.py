"""The slash command: who may stop what from Slack, what they are told, and what nobody can forge."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from adapters.audit_log import AuditQuery
from adapters.switches import StoreSwitches, Switch
from contracts.errors import Unavailable
from gateway.app import create
from policies.people import People
from policies.switches import OPERATORS
from tests.integration.test_gateway_world import (
    APP,
    CHANNEL,
    ENV,
    PEOPLE,
    SIGNING_SECRET,
    SLACK_URL,
    TEAM,
    World,
    opened,
    person,
    problem,
    signed_form,
)

RESPONSE_URL = f"{SLACK_URL}/response/1"
CREW = (
    person("katherine", groups=(OPERATORS,), tenants=("*",)),
    person("dorothy", groups=(OPERATORS,), tenants=("acme",)),
    replace(person("annie", groups=(OPERATORS,), tenants=("*",)), routes=("support/close",)),
)


@asynccontextmanager
async def crewed(where: Path | str) -> AsyncIterator[World]:
    async with opened(where) as found:
        people = People(people=(*PEOPLE.people, *CREW))
        await found.documents.publish(ENV, "people", "people", people.document(), actor="op:test")
        yield found


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with crewed(tmp_path) as found:
        yield found


class Troubled(StoreSwitches):
    """Switches that take their time to be set, or are not."""

    takes: float = 0.0
    fails: Unavailable | None = None

    async def set(self, **asked: Any) -> Switch:
        await asyncio.sleep(self.takes)
        if self.fails is not None:
            raise self.fails
        return await super().set(**asked)


async def troubled(world: World) -> Troubled:
    """Go on over such switches."""
    switches = Troubled(world.stores["gateway"], world.clock)
    await world.http.aclose()
    transport = httpx.ASGITransport(app=create(replace(world.parts, switches=switches)))
    world.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
    return switches


def typed(text: str, name: str = "katherine", **changed: str) -> dict[str, str]:
    return {
        "token": "worth-nothing",
        "team_id": TEAM,
        "team_domain": "interlock",
        "channel_id": CHANNEL,
        "channel_name": "approvals",
        "user_id": f"U0{name.upper()}",
        "user_name": name,
        "command": "/interlock",
        "text": text,
        "api_app_id": APP,
        "response_url": RESPONSE_URL,
        "trigger_id": secrets.token_hex(8),
    } | changed


async def send(world: World, form: dict[str, str], secret: str = SIGNING_SECRET) -> httpx.Response:
    body, headers = signed_form(form, at_ms=world.clock.at_ms, secret=secret)
    return await world.http.post("/slack/commands", content=body, headers=headers)


async def say(world: World, text: str, name: str = "katherine", **changed: str) -> str:
    """What the person is told, in private and as plain text."""
    answer = await send(world, typed(text, name, **changed))
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    (block,) = said["blocks"]
    assert (said["response_type"], block["text"]["type"]) == ("ephemeral", "plain_text")
    return str(block["text"]["text"])


async def holding(world: World) -> list[str]:
    now = world.clock.now_ms()
    return [switch.scope for switch in await world.switches.list(ENV) if switch.holds(now)]


async def audited(world: World) -> list[tuple[str, str]]:
    """(actor, outcome) of what the system's chain says about switches."""
    found = await world.audit.search(AuditQuery(tenant="system"))
    return [(one.record["actor"], one.record["outcome"]) for one in found if one.record["kind"] == "switch"]


async def test_an_operator_stops_sees_and_resumes(store_url: str) -> None:
    """Each answer says exactly what was stopped, by whom, until when, and why; the audit has both."""
    async with crewed(store_url) as world:
        told = await say(world, "stop tool:ticket.close It closes the wrong ones. for 30m")
        assert told.startswith("tool:ticket.close is stopped by Katherine (principal:katherine) since ")
        assert "UTC: It closes the wrong ones.\n" in told
        assert "until it is resumed" not in told
        assert await holding(world) == ["tool:ticket.close"]
        assert (await say(world, "switches")).partition("\n")[0] == told.partition("\n")[0]
        assert (await say(world, "resume tool:ticket.close Mended.")).startswith(
            "tool:ticket.close was resumed by Katherine (principal:katherine): Mended."
        )
        assert (await holding(world), await say(world, "switches")) == ([], "Nothing is stopped.")
        assert await audited(world) == [
            ("principal:katherine", "stopped"),
            ("principal:katherine", "resumed"),
        ]


async def test_a_stop_for_a_time_lifts_itself(world: World) -> None:
    """``for 30m``: after half an hour it holds no more, and is shown as one that ended by itself."""
    await say(world, "stop all On fire for 30m")
    world.clock.at_ms += 30 * 60_000 - 1
    assert await holding(world) == ["all"]
    world.clock.at_ms += 1
    assert await holding(world) == []
    shown = (await world.http.get("/v1/switches", headers=world.operator())).json()["switches"]
    assert [(one["stopped"], one["ended"]) for one in shown] == [(False, True)]


@pytest.mark.parametrize(
    ("name", "scope", "refusal"),
    [
        ("ada", "all", "not_operator"),
        ("mallory", "tool:ticket.close", "not_operator"),
        ("nobody", "tenant:acme", "not_operator"),
        ("dorothy", "all", "out_of_reach"),
        ("dorothy", "tenant:globex", "out_of_reach"),
        ("dorothy", "tool:ticket.close", "out_of_reach"),
        ("annie", "tenant:acme", "out_of_reach"),
        ("annie", "route:support/draft", "out_of_reach"),
    ],
)
async def test_who_may_not_changes_nothing_and_is_told(
    world: World, name: str, scope: str, refusal: str
) -> None:
    """Approvers, strangers, and operators beyond their reach: a sentence for them, a record in the audit."""
    for verb in ("stop", "resume"):
        assert (await say(world, f"{verb} {scope} please", name)).endswith("; nothing changed.")
    assert await world.switches.list(ENV) == ()
    assert [outcome for _, outcome in await audited(world)] == [f"refused:{refusal}"] * 2


async def test_operators_act_as_far_as_they_reach(world: World) -> None:
    """One's tenant, one's route; and nobody sees the switches of other tenants."""
    await say(world, "stop tenant:acme please", "dorothy")
    await say(world, "stop route:support/close please", "annie")
    await say(world, "stop tenant:globex please")
    assert await holding(world) == ["route:support/close", "tenant:acme", "tenant:globex"]
    assert "globex" not in await say(world, "switches", "dorothy")
    assert (await say(world, "switches", "ada")).endswith("; nothing changed.")


async def test_a_name_in_slack_is_nothing(world: World) -> None:
    """Who calls herself Katherine, or comes from another workspace with her id, is not Katherine."""
    told = await say(world, "stop all please", "mallory", user_name="katherine")
    assert told.endswith("; nothing changed.")
    answer = await send(world, typed("stop all please", team_id="T0ELSEWHERE"))
    assert problem(answer) == (403, "forbidden")
    assert await world.switches.list(ENV) == ()


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"api_app_id": "A0OTHER"}, 403), ({"team_id": "T0OTHER"}, 403), ({"channel_id": "C0OTHER"}, 200)],
)
async def test_what_comes_from_elsewhere_changes_nothing(
    world: World, changed: dict[str, str], status: int
) -> None:
    """Another workspace or app is refused, and in another channel a person is told where commands count."""
    answer = await send(world, typed("stop all please", **changed))
    assert answer.status_code == status
    assert await world.switches.list(ENV) == ()
    assert [outcome.partition(":")[0] for _, outcome in await audited(world)] == ["refused"]


async def test_a_command_counts_once(world: World) -> None:
    """Sent again by whoever caught it, it does not stop what was resumed since, and shows nothing."""
    for text in ("stop all please", "switches"):
        body, headers = signed_form(typed(text), at_ms=world.clock.at_ms)
        first = await world.http.post("/slack/commands", content=body, headers=headers)
        await say(world, f"resume all after {text}")
        again = await world.http.post("/slack/commands", content=body, headers=headers)
        assert (first.status_code, again.status_code) == (200, 200)
        assert "received before" in again.json()["text"]
    assert await holding(world) == []


async def test_a_forged_command_is_refused(world: World) -> None:
    """Signed with another secret, changed after it was signed, late, or not signed at all: 401."""
    form = typed("stop all please")
    body, headers = signed_form(form, at_ms=world.clock.at_ms)
    late, late_headers = signed_form(form, at_ms=world.clock.at_ms - 301_000)
    other, other_headers = signed_form(form, at_ms=world.clock.at_ms, secret="f" * 32)
    for sent, signed_by in (
        (body.replace(b"all", b"a11"), headers),
        (late, late_headers),
        (other, other_headers),
        (urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}),
    ):
        answer = await world.http.post("/slack/commands", content=sent, headers=signed_by)
        assert problem(answer)[0] == 401
    assert await world.switches.list(ENV) == ()


async def test_outside_words_are_plain_text(world: World) -> None:
    """A reason with markup and mentions is shown as it was typed, and escaped where blocks are not shown."""
    answer = await send(world, typed("stop all <!channel> *look* <https://evil.example|here>"))
    said = answer.json()
    assert "<!channel> *look*" in said["blocks"][0]["text"]["text"]
    assert "<" not in said["text"]


async def test_a_name_that_is_not_in_force_is_doubted(world: World) -> None:
    """A misspelt tool or route stops nothing: it is set as asked for, and the answer says so."""
    assert "Careful: no tool" in await say(world, "stop tool:ticket.clsoe please")
    assert "Careful: no route" in await say(world, "stop route:support/clsoe please")
    assert "Careful" not in await say(world, "stop tool:ticket.close please")
    assert "Careful" not in await say(world, "stop route:support/close please")


async def test_help_is_for_everybody_and_tells_what_a_mistake_was(world: World) -> None:
    """No text, an unknown word, or a scope that is none."""
    assert "SCOPE is all" in await say(world, "", "ada")
    assert await say(world, "explode", "ada") != await say(world, "help", "ada")
    assert "is no scope" in await say(world, "stop everything please")
    assert await world.switches.list(ENV) == ()


async def test_a_stop_that_failed_says_so(world: World) -> None:
    """A store that does not answer: nobody is left to believe that something was stopped."""
    (await troubled(world)).fails = Unavailable("the store did not answer")
    assert (await say(world, "stop all please")).startswith("That did not work: the store did not answer")


async def test_slack_is_answered_in_time_and_the_rest_follows(world: World) -> None:
    """A store that takes its time: an answer within 3 s, then what came of it, in private."""
    (await troubled(world)).takes = 2.1
    assert "follows here" in await say(world, "stop all please")
    ((url, told),) = world.private.answers
    assert (url, await holding(world)) == (RESPONSE_URL, ["all"])
    assert told.startswith("all is stopped by Katherine")
