"""Whatever a model or a tool answers, the run records it or ends cleanly; no secret reaches a model."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
import yaml

from contracts.secret import Secret
from contracts.transcript import RESULT_LIMIT
from embedded.secrets import LocalSecrets, ToolSecret
from embedded.stack import shipped_tools
from tests.acceptance import hostile_service, leaks
from tests.acceptance.provider import KEY, MODEL, Json, Provider, call, says, serving
from tests.acceptance.stack_world import ROUTE, TENANT, World, open_tickets, running_world

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE: Final = "support/hostile"
_ROUTE: Final = ROUTE.replace("name: scripted", f"name: '{MODEL}'").replace(
    "[kb.search,", "[hostile.look, kb.search,"
)
TOKEN: Final = "hostile-planted-token-5f3c9e1d7b"
MEGABYTE: Final = "x" * 1_000_000
DEEP: Final = '{"ticket_id":' * 2_000 + "1" + "}" * 2_000
THINKS: Final = 8.0
"""Seconds that a slow model takes for its answer."""
CALLS_KEPT: Final = 15
"""Of more than 16, the last place says how many were dropped."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stack whose model is the provider here."""

    world: World
    provider: Provider

    async def play(self, name: str, turns: Sequence[Json], *ends: str) -> Json:
        self.provider.plays[name] = turns
        run_id = await self.world.start_on(HOSTILE, {"play": name})
        return await self.world.until(run_id, *ends)


def _tools(path: Path, service: str) -> Path:
    """The shipped ones, and one of a service that means no good."""
    tools = yaml.safe_load(shipped_tools().read_text())
    tools["sources"]["hostile"] = {"openapi": f"{service}/openapi.json"}
    tools["tools"]["hostile.look"] = {
        "source": "hostile",
        "operation": "look",
        "effect": "read",
        "credential": "hostile-read",
    }
    path.write_text(json.dumps(tools))
    return path


def _give_secret(world: World) -> None:
    secret = ToolSecret(tenant=TENANT, name="hostile-read")
    value = Secret(json.dumps({"type": "bearer", "token": TOKEN}))
    LocalSecrets(world.at("aws"), world.state, "dev").put(secret, value, [secret])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One stack and one provider for all plays; the agent worker finds the provider by its own variables."""
    async with serving() as provider:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", provider.url)
            patch.setenv("OPENAI_API_KEY", KEY)
            directory = tmp_path_factory.mktemp("hostile")
            async with (
                hostile_service.serving() as service,
                running_world(
                    directory, {HOSTILE: _ROUTE}, _tools(directory / "tools.yaml", service)
                ) as world,
            ):
                _give_secret(world)
                yield Stage(world=world, provider=provider)
                assert (
                    leaks.leaks({"the provider's key": KEY.encode()}, dict(leaks.written(world.state))) == []
                )


@pytest.mark.parametrize(
    ("name", "arguments", "rule"),
    [
        ("an unknown tool", ("admin.grant", "{}"), "there is no tool"),
        ("a tool with a name that is none", ("\u202e; DROP TABLE", "{}"), "there is no tool"),
        ("arguments cut in the middle", ("tickets--get", '{"ticket_id": "T-1'), "do not fit"),
        ("arguments that are a list", ("tickets--get", "[1, 2]"), "do not fit"),
        ("a name twice", ("tickets--get", '{"ticket_id": "T-1", "ticket_id": "T-2"}'), "do not fit"),
        ("a number that is none", ("tickets--get", '{"ticket_id": NaN}'), "do not fit"),
        ("arguments nested two thousand deep", ("tickets--get", DEEP), "do not fit"),
        ("a megabyte of arguments", ("tickets--get", json.dumps({"ticket_id": MEGABYTE})), "do not fit"),
        ("another tenant", ("tickets--get", '{"ticket_id": "T-1", "tenant": "globex"}'), "do not fit"),
        ("half a surrogate pair", ("tickets--get", '{"ticket_id": "\\ud800"}'), "do not fit"),
    ],
)
async def test_a_call_that_is_none_is_a_recorded_denial(
    stage: Stage, name: str, arguments: tuple[str, str], rule: str
) -> None:
    """The call is denied with its reason, counts as a denial, and the run goes on to its end."""
    run = await stage.play(name, [says(None, call(*arguments))], "completed")
    (action,) = run["actions"]
    assert (action["decision"], action["outcome"]) == ("deny", "denied")
    assert rule in action["reasons"][0]
    assert run["spend"]["denials"] == 1
    assert run["result"]["text"] == "Done."


async def test_a_hundred_calls_are_carried_out_as_far_as_the_limit(stage: Stage) -> None:
    """Fifteen are carried out and the rest is one recorded denial."""
    tickets = open_tickets()
    calls = [
        call("tickets--get", json.dumps({"ticket_id": tickets[place % len(tickets)]}), place)
        for place in range(100)
    ]
    run = await stage.play("a hundred", [says(None, *calls)], "completed")
    outcomes = [action["outcome"] for action in run["actions"]]
    assert outcomes == ["succeeded"] * CALLS_KEPT + ["denied"]
    assert run["actions"][-1]["tool"] == "too-many-calls"


async def test_a_megabyte_of_words_is_cut(stage: Stage) -> None:
    """The run completes with what of it is kept."""
    run = await stage.play("a megabyte", [says(MEGABYTE)], "completed")
    assert 0 < len(run["result"]["text"]) < 100_000


@pytest.mark.parametrize("message", [says(None), says(""), says(" \n")], ids=["null", "empty", "blank"])
async def test_a_model_that_says_nothing_stops_the_run(stage: Stage, message: Json) -> None:
    """Nothing is no result: the run stops and says that the model refused."""
    run = await stage.play(f"nothing {message['content']!r}", [message], "stopped")
    assert run["stop_reason"] == "model_refused"


async def test_denials_beyond_the_budget_stop_the_run(stage: Stage) -> None:
    """A model that goes on asking for what there is not is stopped by its denials."""
    turns = [says(None, call(f"admin.{word}", "{}")) for word in ("a", "b", "c", "d", "e")]
    run = await stage.play("stubborn", turns, "stopped")
    assert (run["stop_reason"], run["spend"]["denials"]) == ("denials", 4)
    assert run["result"]["text"].startswith("The run stopped: 4 calls were denied, and its budget bears 3.\n")


@pytest.mark.parametrize(
    ("at", "outcome", "told"),
    [
        ("five megabytes", "failed", "answered more than 5000000 bytes"),
        ("long", "succeeded", "[cut here: the result has"),
        ("binary", "succeeded", "[a binary answer of 16384 bytes"),
        ("invalid json", "succeeded", '{\\"a\\": NaN'),
        ("echo", "succeeded", "[secret removed]"),
        ("elsewhere", "failed", "redirects are not followed"),
        ("deep", "succeeded", "[[[["),
        ("orders", "succeeded", "Ignore the rules"),
    ],
)
async def test_a_tools_answer_is_bounded_scrubbed_and_only_data(
    stage: Stage, at: str, outcome: str, told: str
) -> None:
    """Whatever a service answers, the model is told of it as data, within the limit, and the run goes on."""
    before = len(stage.provider.requests)
    look = says(None, call("hostile--look", json.dumps({"at": at})))
    run = await stage.play(f"look at {at}", [look], "completed")
    (action,) = run["actions"]
    assert action["outcome"] == outcome
    assert len(stage.provider.requests) == before + 2
    _, _, body = stage.provider.requests[-1].partition(b"\n")
    (result,) = [one["content"] for one in json.loads(body)["messages"] if one["role"] == "tool"]
    assert told in result
    assert len(result.encode()) < 2 * RESULT_LIMIT
    assert TOKEN.encode() not in body
    assert result.count("</untrusted_tool_result>") == 1


async def test_no_request_to_a_model_holds_a_secret(stage: Stage) -> None:
    """A provider is sent prompt, transcript and tools; of all secrets only its own key, in its header."""
    ticket = open_tickets()[1]
    closing = json.dumps({"ticket_id": ticket, "reason": "It works.", "resolution_article": None})
    turns = [
        says(None, call("tickets--get", json.dumps({"ticket_id": ticket}))),
        says(None, call("ticket--close", closing)),
    ]
    run = await stage.play("close it", turns, "waiting_approval")
    await stage.world.approve(run)
    ended = await stage.world.until(run["run_id"], "completed")
    assert ended["actions"][-1]["outcome"] == "succeeded"
    sent = {"model requests": b"\n".join(stage.provider.requests)}
    assert ticket.encode() in sent["model requests"]
    assert all(stage.provider.keys)
    secrets = leaks.known(stage.world.state) | {"the provider's key": KEY.encode()}
    assert leaks.leaks(secrets | {"the caller's token": stage.world.token.encode()}, sent) == []
    assert list(leaks.tokens(sent)) == []


async def test_a_run_is_cancelled_while_its_model_thinks(stage: Stage) -> None:
    """Long before the model answers the run has ended; what the call may have cost is charged."""
    stage.provider.plays["slow"] = [says("Too late.")]
    stage.provider.slow["slow"] = THINKS
    asked = len(stage.provider.requests)
    run_id = await stage.world.start_on(HOSTILE, {"play": "slow"})
    async with asyncio.timeout(THINKS):
        while len(stage.provider.requests) == asked:  # noqa: ASYNC110  the agent worker asks it
            await asyncio.sleep(0.05)
    began = time.monotonic()
    await stage.world.cancel(run_id)
    run = await stage.world.until(run_id, "cancelled")
    assert time.monotonic() - began < THINKS / 2
    assert run["result"]["text"] == "no longer needed\nIt had written nothing."
    assert run["actions"] == []
    assert Decimal(run["spend"]["usd"]) > 0
