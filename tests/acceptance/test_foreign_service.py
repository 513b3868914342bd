"""A service of ten operations that nothing shipped knows, under a tool file and a policy directory alone."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from cli import minting
from cli.main import build
from cli.state import State
from embedded.ports import Ports
from embedded.process import Event
from embedded.stack import running_stack
from tests.acceptance.bank_service import KEPT, TENANTS, Bank, Visit, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTE: Final = "bank/teller"

_TOOLS: Final = """\
sources:
  grand-bank: {openapi: "BANK/openapi.json"}
tools:
  accounts.list: {source: grand-bank, operation: list_accounts, effect: read, credential: bank-read}
  account.get: {source: grand-bank, operation: get_account, effect: read, credential: bank-read}
  account.balance: {source: grand-bank, operation: get_balance, effect: read, credential: bank-read}
  orders.list: {source: grand-bank, operation: list_orders, effect: read, credential: bank-read}
  orders.find: {source: grand-bank, operation: find_order, effect: read, credential: bank-read}
  payees.search:
    {source: grand-bank, operation: search_payees, effect: read, reads_with: POST, credential: bank-read}
  money.send:
    source: grand-bank
    operation: send_money
    effect: write
    credential: bank-write
    retry: {native: {key_retention: 24h}}
    target: recipient
    preview: {operation: get_account, args: {account: /recipient}}
  account.rename:
    source: grand-bank
    operation: rename_account
    effect: write
    credential: bank-write
    target: account
    preview: {operation: get_account, args: {account: /account}}
    undo: account.rename
  card.order:
    source: grand-bank
    operation: order_card
    effect: write
    credential: bank-write
    retry: {lookup: find_order, by: key}
    target: account
    preview: {operation: get_account, args: {account: /account}}
  statement.print:
    source: grand-bank
    operation: print_statement
    effect: write
    credential: bank-write
    retry: none
    target: account
    preview: none
"""

_ALLOWED: Final = """\
[accounts.list, account.get, account.balance, orders.list, orders.find, payees.search,
   money.send, account.rename, card.order, statement.print]"""

_POLICY: Final = f"""\
description: Serve a customer of the bank.
model: {{name: scripted}}
prompt: Do what the input says.
input: {{type: object}}
allow_tools: {_ALLOWED}
when: {{money.send: {{properties: {{amount: {{maximum: 500}}}}}}}}
budgets: {{steps: 25, seconds: 60, usd: "1.00", denials: 3}}
approval: {{group: tellers, deadline: 1h}}
"""

_PEOPLE: Final = """\
people:
  principal:vera: {slack: {team: T0INTERLOCK, user: U0VERA}, groups: [tellers], tenants: [acme, umbra]}
"""


def _call(tool: str, **args: Any) -> dict[str, Any]:
    return {"tool": tool, "args": args}


@dataclass(frozen=True, kw_only=True)
class World:
    """The stack, the bank, and a person who approves."""

    bank: Bank
    state: Path
    http: httpx.AsyncClient
    missing: Sequence[str]

    async def start(self, tenant: str, *turns: list[dict[str, Any]]) -> dict[str, Any]:
        """A run that makes these calls, once it ended or waits for a person."""
        caller = await self._bearer(minting.caller("tests", tenant, ROUTE))
        answer = await self.http.post(
            "/v1/runs",
            json={"route": ROUTE, "input": {"script": turns, "final": "Done."}},
            headers=caller | {"Idempotency-Key": secrets.token_hex(8)},
        )
        assert answer.status_code == 202, answer.text
        return await self.settled(answer.json())

    async def settled(self, run: dict[str, Any]) -> dict[str, Any]:
        """The run once it ended, or waits for somebody else than before."""
        operator, until = await self._bearer(minting.operator()), time.monotonic() + 45
        before = [action["approval_id"] for action in run["actions"]]
        while time.monotonic() < until:
            run = (await self.http.get(f"/v1/runs/{run['run_id']}", headers=operator)).json()
            now = [action["approval_id"] for action in run["actions"]]
            waits = run["state"] == "waiting_approval" and now != before
            if run["ended_at"] or waits or run["state"] == "waiting_reconciliation":
                return run
            await asyncio.sleep(0.05)
        raise AssertionError(run)

    async def approved(self, run: dict[str, Any]) -> dict[str, Any]:
        """The run after vera approved what it waits for."""
        action = run["actions"][-1]
        answer = await self.http.post(
            f"/v1/approvals/{action['approval_id']}/decision",
            json={"decision": "approve", "action_digest": action["action_digest"]},
            headers=await self._bearer(minting.approver("vera")),
        )
        assert answer.status_code == 200, answer.text
        return await self.settled(run)

    async def preview(self, run: dict[str, Any]) -> dict[str, Any]:
        """What people see of the action that waits."""
        path = f"/v1/approvals/{run['actions'][-1]['approval_id']}"
        answer = await self.http.get(path, headers=await self._bearer(minting.operator()))
        found: dict[str, Any] = answer.json()["action"]["preview"]
        return found

    async def _bearer(self, ask: minting.Ask) -> dict[str, str]:
        return {"Authorization": f"Bearer {await minting.mint(State(directory=self.state), ask)}"}


def _files(folder: Path, address: str) -> tuple[Path, Path]:
    policies = folder / "policies"
    (policies / "routes" / "bank").mkdir(parents=True)
    (policies / "routes" / f"{ROUTE}.yaml").write_text(_POLICY)
    (policies / "people.yaml").write_text(_PEOPLE)
    tools = folder / "tools.yaml"
    tools.write_text(_TOOLS.replace("BANK", address))
    return policies, tools


def _interlock(*arguments: str, given: str = "") -> dict[str, Any]:
    outcome = CliRunner().invoke(build(), [*arguments, "--json"], input=given)
    assert outcome.exit_code == 0, outcome.output
    found: dict[str, Any] = json.loads(outcome.stdout)
    return found


def _give_secrets(state: Path, tokens: dict[str, tuple[str, str]]) -> None:
    for token, (tenant, scope) in tokens.items():
        bearer = {"type": "bearer", "token": token}
        header = {"type": "header", "name": KEPT, "value": token}
        value = json.dumps(header if (tenant, scope) == ("umbra", "write") else bearer)
        name, place = f"bank-{scope}", str(state)
        _interlock("secret", "put", name, "--tenant", tenant, "--value", "-", "--state", place, given=value)


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[World]:
    tokens = {secrets.token_hex(16): (tenant, scope) for tenant in TENANTS for scope in ("read", "write")}
    bank, events = Bank(tokens=tokens), list[Event]()
    with serving(bank) as address:
        policies, tools = _files(folder, address)
        stack = running_stack(
            folder / "state",
            ports=Ports.free(),
            policies=policies,
            tools=tools,
            headless=True,
            on_event=events.append,
        )
        async with (
            stack as endpoints,
            httpx.AsyncClient(base_url=endpoints.gateway, trust_env=False, timeout=30) as http,
        ):
            await asyncio.to_thread(_give_secrets, folder / "state", tokens)
            missing = [event.text for event in events if event.kind == "missing"]
            yield World(bank=bank, state=folder / "state", http=http, missing=missing)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with _running(tmp_path_factory.mktemp("foreign")) as found:
        yield found


def _tenants(visits: Sequence[Visit]) -> set[str]:
    return {visit.tenant for visit in visits}


def _claims(visit: Visit) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(visit.capability, options={"verify_signature": False})
    return found


@pytest.mark.parametrize("tenant", TENANTS)
async def test_reads_need_no_approval(world: World, tenant: str) -> None:
    """All six reads are made at once, with the tenant's reading credential, and nobody is asked."""
    run = await world.start(
        tenant,
        [_call("accounts.list")],
        [_call("account.get", account="A-1")],
        [_call("account.balance", account="A-1")],
        [_call("orders.list")],
        [_call("orders.find", key="none")],
        [_call("payees.search", name="Jane", tags=["a", "b"])],
    )
    visits = world.bank.of(run["request_id"])
    assert run["state"] == "completed", run
    assert {(action["decision"], action["outcome"]) for action in run["actions"]} == {("allow", "succeeded")}
    assert [visit.operation for visit in visits] == [
        "list_accounts", "get_account", "get_balance", "list_orders", "find_order", "search_payees",
    ]  # fmt: skip
    assert {(visit.tenant, visit.scope, visit.key) for visit in visits} == {(tenant, "read", "")}


@pytest.mark.parametrize("tenant", TENANTS)
async def test_a_write_waits_for_a_person_and_carries_its_key(world: World, tenant: str) -> None:
    """Before the approval the bank sees reads alone; after it one write, with key, request and capability."""
    run = await world.start(tenant, [_call("money.send", recipient="A-2", amount=40)])
    before = world.bank.of(run["request_id"])
    assert run["state"] == "waiting_approval"
    assert {visit.operation for visit in before} == {"get_account"}
    asked = time.time()
    run = await world.approved(run)
    action, visits = run["actions"][0], world.bank.of(run["request_id"])
    (sent,) = [visit for visit in visits if visit.operation == "send_money"]
    assert (run["state"], action["outcome"]) == ("completed", "succeeded")
    assert sent.at > asked
    assert (sent.tenant, sent.scope, sent.effect) == (tenant, "write", True)
    assert sent.key == action["idempotency_key"] == f"{run['request_id']}:money.send:A-2"
    assert _claims(sent)["action_digest"] == action["action_digest"]


async def test_what_people_see_is_read_from_the_bank(world: World) -> None:
    """The card has the target, before and after, and what is known of stakes and undo; If-Match guards it."""
    run = await world.start("acme", [_call("account.rename", account="A-1", alias="Savings")])
    preview = await world.preview(run)
    run = await world.approved(run)
    (sent,) = [one for one in world.bank.of(run["request_id"]) if one.operation == "rename_account"]
    assert preview["changes"] == [{"field": "alias", "before": "Main", "after": "Savings"}]
    assert preview["target"] == "account A-1 (holder Acme Ltd, balance 900, version 1)"
    assert "PATCH /v1/accounts/{account} at grand-bank" in preview["stakes"]
    assert preview["undo"] == "By account.rename, which has an approval of its own."
    assert (run["state"], sent.if_match, sent.effect) == ("completed", '"1"', True)


async def test_a_write_without_a_preview_says_that_nothing_was_read(world: World) -> None:
    """Its arguments are shown, and that the target was not read; the bank was not asked either."""
    run = await world.start("acme", [_call("statement.print", account="A-1", month="May")])
    preview = await world.preview(run)
    assert world.bank.of(run["request_id"]) == []
    assert preview["target"].endswith("the target was not read: the tool file names no preview")
    assert preview["changes"] == [{"field": "month", "before": "(not read)", "after": "May"}]
    assert (await world.approved(run))["state"] == "completed"


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize(
    ("operation", "call", "outcome", "state"),
    [
        ("send_money", _call("money.send", recipient="A-1", amount=7), "succeeded", "completed"),
        ("order_card", _call("card.order", account="A-1", kind="blue"), "succeeded", "completed"),
        (
            "print_statement",
            _call("statement.print", account="A-2", month="June"),
            "unknown",
            "waiting_reconciliation",
        ),
    ],
)
async def test_a_lost_answer_costs_no_second_effect(
    world: World, tenant: str, operation: str, call: dict[str, Any], outcome: str, state: str
) -> None:
    """Native: sent again under its key. Lookup: found by it. None: unknown, and never sent again."""
    run = await world.start(tenant, [call])
    world.bank.losing.add(operation)
    run = await world.approved(run)
    visits = [visit for visit in world.bank.of(run["request_id"]) if visit.operation == operation]
    assert (run["state"], run["actions"][0]["outcome"]) == (state, outcome), run
    assert world.bank.effects(operation, run["request_id"]) == 1
    assert len({visit.key for visit in visits}) == 1
    # A slow machine may send a native one once more than the lost answer asks for.
    assert len(visits) >= 2 if operation == "send_money" else len(visits) == 1


async def test_what_does_not_fit_the_services_schema_reaches_nobody(world: World) -> None:
    """What the document or the route refuses is denied before the bank or a person hears of it."""
    run = await world.start(
        "acme",
        [_call("money.send", recipient="A-1", amount="40")],
        [_call("money.send", recipient="A-1", amount=501)],
        [_call("account.get", account="A-1", tenant="umbra")],
    )
    assert [action["decision"] for action in run["actions"]] == ["deny", "deny", "deny"]
    assert world.bank.of(run["request_id"]) == []


async def test_a_refusal_of_the_service_is_a_sentence_for_the_model(world: World) -> None:
    """A preview that finds nothing ends the proposal with the bank's own words; nobody is asked."""
    run = await world.start("acme", [_call("money.send", recipient="../A-1", amount=1)])
    (action,) = run["actions"]
    assert (run["state"], action["outcome"], action["approval_id"]) == ("completed", "refused", None)
    assert [visit.operation for visit in world.bank.of(run["request_id"])] == ["get_account"]


async def test_no_call_carries_another_tenants_credential(world: World) -> None:
    """Over all that was asked: one tenant a run, by token and by capability, and nobody without a token."""
    by_run: dict[str, list[Visit]] = {}
    for visit in world.bank.visits:
        by_run.setdefault(visit.request_id, []).append(visit)
    assert world.bank.strangers == []
    assert "" not in by_run
    assert _tenants(world.bank.visits) == set(TENANTS)
    for visits in by_run.values():
        assert {_claims(visit)["tenant"] for visit in visits} == _tenants(visits)
        assert len(_tenants(visits)) == 1


async def test_a_missing_secret_ends_the_run_with_a_sentence_for_the_operator(world: World) -> None:
    """A tenant whose secret nobody gave gets nobody else's; the run says which one to create."""
    run = await world.start("initech", [_call("accounts.list")])
    assert run["state"] == "failed"
    assert "interlock/dev/initech/bank-read" in run["result"]["text"]
    assert "check that it exists" in run["result"]["text"]
    assert world.bank.of(run["request_id"]) == []


async def test_the_operator_is_told_what_is_missing_and_never_a_value(world: World) -> None:
    """The start named the four secrets and the command for each; the list shows names alone."""
    assert len(world.missing) == 4
    told = "interlock secret put bank-write --tenant umbra --value @FILE"
    assert sum(told in text for text in world.missing) == 1
    listed = await asyncio.to_thread(_interlock, "secret", "list", "--state", str(world.state))
    assert {one["present"] for one in listed["secrets"]} == {True}
    assert len(listed["secrets"]) == 4
    assert not any(token in json.dumps(listed) for token in world.bank.tokens)
