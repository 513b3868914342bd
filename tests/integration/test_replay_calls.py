"""Recorded calls under other rules: each that would be decided otherwise is found, and nothing is guessed."""

from dataclasses import replace
from typing import Any

import pytest

from adapters import recorded_calls
from adapters.recorded_calls import RecordedCalls
from contracts.decision import Ruling
from policies.people import People
from policies.replaying import RecordedCall, Replayed, replay
from policies.route import Route
from policies.rule_set import RuleSet
from tests.integration.test_gateway_world import CATALOGUE, ENV, World, opened, route
from tests.postgres import stores


def rules(*routes: Route) -> RuleSet:
    return RuleSet(routes={one.name: one for one in routes}, catalogue=CATALOGUE, people=People(people=()))


def other(**keys: Any) -> Route:
    return Route.parse({**route().document(), **keys})


async def recorded(world: World, *, since_ms: int = 0) -> list[RecordedCall]:
    """By the operator's own login."""
    calls = RecordedCalls(world.stores["operator"], ENV)
    return [call async for call in calls.between(since_ms, world.clock.now_ms() + 1)]


async def test_each_call_that_would_change_is_named(store_url: str) -> None:
    """A rule on arguments, a denied tool and a route that is gone deny what was asked about; the same rules
    change nothing."""
    async with opened(store_url) as world:
        approval = await world.asked()
        (call,) = await recorded(world)
        assert (call.run_id, call.arguments, call.ruling) == (
            approval.run_id,
            {"ticket_id": "T-1"},
            Ruling.NEEDS_APPROVAL,
        )
        assert call.idempotency_key is not None
        assert call.idempotency_key.endswith(":ticket.close:T-1")
        assert replay(rules(route()), call) is None
        for changed, rule in (
            (
                other(when={"ticket.close": {"properties": {"ticket_id": {"enum": ["T-2"]}}}}),
                "when.ticket.close",
            ),
            (other(allow_tools=[], deny_tools=["ticket.close"]), "deny_tools[0]"),
            (other(name="support/other"), "route"),
        ):
            found = replay(rules(changed), call)
            assert isinstance(found, Replayed)
            assert (found.ruling, found.rules, found.milder) == (Ruling.DENY, (rule,), False)


async def test_a_milder_decision_is_named_as_one(store_url: str) -> None:
    """An exception lets through what a person was asked about."""
    async with opened(store_url) as world:
        await world.asked()
        (call,) = await recorded(world)
    waived = {"tool": "ticket.close", "waive": "approval", "reason": "r", "owner": "principal:ada"}
    found = replay(rules(other(exceptions=[{**waived, "expires": "2999-12-31"}])), call)
    assert found is not None
    assert (found.ruling, found.approvals, found.milder) == (Ruling.ALLOW, 0, True)
    assert "exceptions[0]" in found.rules


async def test_forgotten_calls_are_told_apart_from_those_without_arguments(store_url: str) -> None:
    """Their arguments are nothing, not none."""
    async with opened(store_url) as world:
        await world.asked()
        world.contents.forget("acme")
        fresh = stores(store_url, world.contents)["operator"]
        (call,) = [call async for call in RecordedCalls(fresh, ENV).between(0, world.clock.now_ms() + 1)]
        await fresh.close()
        assert call.arguments is None
        assert call.arguments_digest.startswith("sha256:")


async def test_only_the_window_and_the_environment_are_read(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls before it are left out; pages meet without a gap and without a call twice."""
    monkeypatch.setattr(recorded_calls, "_PAGE", 2)
    async with opened(store_url) as world:
        for number in range(5):
            await world.asked(key=f"k-{number}")
        everything = await recorded(world)
        assert len({call.action_id for call in everything}) == len(everything) == 5
        latest = max(call.at_ms for call in everything)
        assert await recorded(world, since_ms=latest + 1) == []
        foreign = RecordedCalls(world.stores["operator"], "prod")
        assert [call async for call in foreign.between(0, latest)] == []


def test_the_order_of_strictness_is_the_rulings() -> None:
    """More people is stricter, and a denial is strictest."""
    call = RecordedCall(
        run_id="r",
        action_id="a",
        tenant="acme",
        route="support/close",
        tool="ticket.close",
        arguments={"ticket_id": "T-1"},
        arguments_digest="",
        idempotency_key=None,
        ruling=Ruling.NEEDS_APPROVAL,
        approvals=2,
        at_ms=0,
    )
    found = replay(rules(route()), call)
    assert found is not None
    assert (found.approvals, found.milder) == (1, True)
    denied = replay(rules(route()), replace(call, ruling=Ruling.DENY, approvals=0))
    assert denied is not None
    assert denied.milder
