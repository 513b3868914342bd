"""Laws of a read that reaches outside, at its admission on a real store: both policies hold."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.audit_log import AuditQuery, StoreAuditLog
from contracts.errors import PermissionRefused
from contracts.run import ActionRecord, WarrantedRun
from contracts.tool import Catalogue
from tests.integration.approved_write import Case, waiting
from tests.integration.egress.net import GET
from tests.integration.test_gateway_world import CATALOGUE, ENV, route

URL = "https://docs.example.com/faq"
WIDE = {"host": "docs.example.com", "paths": ["/"]}
NARROW = {"host": "docs.example.com", "paths": ["/faq"], "max_bytes": 10}


@pytest.fixture
async def case(store_url: str) -> AsyncIterator[Case]:
    async with waiting(store_url) as found:
        yield found


async def pinned(case: Case, *egress: dict[str, Any]) -> WarrantedRun:
    """The run as if it had been started with these rules, which are in force as well."""
    documents, warrant = case.world.documents, case.run.warrant
    catalogue = Catalogue(tools={**CATALOGUE.tools, GET.name: GET})
    tools, _ = await documents.publish(ENV, "catalogue", "catalogue", catalogue.document(), actor="op:test")
    policy = await in_force(case, *egress)
    return replace(case.run, warrant=replace(warrant, policy_digest=policy, catalogue_digest=tools))


async def in_force(case: Case, *egress: dict[str, Any]) -> str:
    rules = route(allow_tools=["http.get"], egress=list(egress)).document()
    policy, _ = await case.world.documents.publish(ENV, "route", "support/close", rules, actor="op:test")
    return policy


async def proposed(case: Case, url: str = URL) -> ActionRecord:
    return replace(await case.action(), tool=GET.name, arguments={"url": url}, effect=GET.effect)


async def test_the_rules_of_both_policies_come_with_the_admission(case: Case) -> None:
    """What the session is held to is the pinned list and the one in force, in one look."""
    run = await pinned(case, WIDE)
    await in_force(case, NARROW)
    now, before = await case.ledger.admit(run, await proposed(case), GET)
    assert ([rule["paths"] for rule in before], [rule["max_bytes"] for rule in now]) == ([["/"]], [10])


async def test_what_is_not_permitted_any_more_stops_at_the_next_call(case: Case) -> None:
    """A rule taken back, and one that came later, both permit nothing to a run that is under way."""
    run, action = await pinned(case, WIDE), await proposed(case)
    await case.ledger.admit(run, action, GET)
    await in_force(case, {"host": "other.example.com"})
    with pytest.raises(PermissionRefused, match="names the host docs"):
        await case.ledger.admit(run, action, GET)
    run = await pinned(case, NARROW)
    await in_force(case, WIDE)
    with pytest.raises(PermissionRefused, match="permits this path"):
        await case.ledger.admit(run, await proposed(case, "https://docs.example.com/other"), GET)


async def test_its_attempt_is_audited_without_a_credential(case: Case) -> None:
    """The record of the attempt names no credential, since none was used."""
    run = await pinned(case, WIDE)
    await case.ledger.admit(run, await proposed(case), GET)
    log = StoreAuditLog(case.world.store)
    page = await log.search(AuditQuery(tenant="acme", tool="http.get"))
    assert [(one.record["kind"], one.record["credential_scope"]) for one in page] == [("attempt", None)]
