"""Every refusal of a claim, and of a read, names the rule that says so, and the audit keeps it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.actions import StoreActions
from adapters.audit_log import AuditQuery
from contracts.errors import Halted, PermissionRefused
from contracts.ledger import Claim, Conclusion
from contracts.run import Outcome
from policies.people import People
from tests.integration.approved_write import DONE, Case, waiting
from tests.integration.test_gateway_world import CLOSE, ENV, PEOPLE, route

UNKNOWN: Final = replace(DONE, outcome=Outcome.UNKNOWN)
Scene = Callable[[Case], Awaitable[Claim]]


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    async with waiting(tmp_path) as found:
        yield found


async def _publish(case: Case, **keys: Any) -> None:
    rules = route(**keys)
    await case.world.documents.publish(ENV, "route", rules.name, rules.document(), actor="op:test")


async def _stop(case: Case, *, stopped: bool = True) -> None:
    await case.world.switches.set(
        env=ENV, scope="tool:ticket.close", reason="t", actor="op:x", until_ms=None, stopped=stopped
    )


async def _waits(case: Case) -> Claim:
    return await case.claim()


async def _denied(case: Case) -> Claim:
    await case.answer("deny")
    return await case.claim()


async def _left(case: Case) -> Claim:
    await case.answer("approve")
    people = People(people=tuple(one for one in PEOPLE.people if one.principal != "principal:ada"))
    await case.world.documents.publish(ENV, "people", "people", people.document(), actor="op:test")
    return await case.claim()


async def _stopped(case: Case) -> Claim:
    await _stop(case)
    return await case.claim()


async def _voided(case: Case) -> Claim:
    await case.answer("approve")
    await _stop(case)
    await _stop(case, stopped=False)
    return await case.claim()


async def _ended(case: Case) -> Claim:
    await case.end_run()
    return await case.claim()


async def _concluded(case: Case) -> Claim:
    actions = StoreActions(case.world.store, case.world.clock)
    expired = Conclusion(outcome=Outcome.EXPIRED, content="", text="", duration_ms=0)
    await actions.conclude(case.run, case.frozen.action_id, expired)
    return await case.claim()


async def _narrowed(case: Case) -> Claim:
    await _publish(case, deny_tools=["ticket.close"], allow_tools=["ticket.purge"])
    return await case.claim()


async def _ruled_out(case: Case) -> Claim:
    await _publish(case, when={"ticket.close": {"required": ["why"]}})
    return await case.claim()


async def _gone(case: Case) -> Claim:
    await case.world.withdraw("route", "support/close")
    return await case.claim()


async def _limited(case: Case) -> Claim:
    await _publish(case, limits=[{"tool": "ticket.close", "per": "run", "window": "1h", "calls": 0}])
    return await case.claim()


async def _unknown(case: Case) -> Claim:
    await case.answer("approve")
    first = await case.claim()
    await case.ledger.settle(case.request(), first.fence, UNKNOWN)
    beside = await case.beside("k-2")
    return await beside.claim()


SCENES: Final[dict[str, Scene]] = {
    "approval.waiting": _waits,
    "approval.denied": _denied,
    "approval.quorum": _left,
    "approval.void": _voided,
    "switch:tool:ticket.close": _stopped,
    "run.closed": _ended,
    "action.ended": _concluded,
    "deny_tools[0]": _narrowed,
    "when.ticket.close": _ruled_out,
    "route.withdrawn": _gone,
    "limits[0]": _limited,
    "target.unknown": _unknown,
}


@pytest.mark.parametrize("rule", SCENES)
async def test_a_refused_claim_names_its_rule(case: Case, rule: str) -> None:
    """Whatever refuses or halts a write, the claim says which rule it was, and a sentence."""
    claim = await SCENES[rule](case)
    assert claim.say in ("refused", "halted", "voided")
    assert claim.rules == (rule,)
    assert claim.sentence


async def test_a_withdrawn_approval_has_a_rule(case: Case) -> None:
    """It waits again, so it is refused as one that waits."""
    await case.answer("approve")
    await case.answer("withdraw")
    assert (await case.claim()).rules == ("approval.waiting",)


async def test_a_refused_read_names_its_rule(case: Case) -> None:
    """Stopped, no longer allowed, over its run: each error of an admission has its rule."""
    action = await case.action()
    read = replace(CLOSE, name=action.tool)
    with pytest.raises(PermissionRefused) as refused:
        await case.ledger.admit(case.run, action, read)
    assert refused.value.rules
    await _stop(case)
    with pytest.raises(Halted) as halted:
        await case.ledger.admit(case.run, action, read)
    assert halted.value.rules == ("switch:tool:ticket.close",)
    await _stop(case, stopped=False)
    await case.end_run()
    with pytest.raises(PermissionRefused) as over:
        await case.ledger.admit(case.run, action, read)
    assert over.value.rules == ("run.closed",)


async def test_no_denial_in_the_audit_is_without_a_rule(case: Case) -> None:
    """What a new policy freed before it left, and what the run's end skipped, have theirs in the audit."""
    await case.answer("approve")
    await case.claim()
    await _publish(case, deny_tools=["ticket.close"], allow_tools=["ticket.purge"])
    await case.ledger.claim(replace(case.request(), unsent=True))
    await _publish(case)
    beside = await case.beside("k-2")
    await beside.end_run()
    found = [one.record for one in await case.world.audit.search(AuditQuery(tenant="acme"))]
    ended = [(one["outcome"], tuple(one["rules"])) for one in found if one["kind"] == "result"]
    assert ended == [("failed", ("deny_tools[0]",)), ("skipped", ("run.closed",))]
