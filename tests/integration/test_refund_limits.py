"""The shipped route's limits on refunds, counted from claims on a real store."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.limits import Counted, exceeded
from adapters.schema import actions, claims
from contracts.digest import digest
from embedded.stack import shipped_policies, shipped_tools
from policies.load import load
from tests.frozen import frozen
from tests.integration.test_gateway_world import ENV, World, opened, route
from tools.load import load_tools

TOOLS: Final = load_tools(shipped_tools()).catalogue
REFUND: Final = load(shipped_policies(), TOOLS, env="prod").routes["billing/refund"]
NOW_MS: Final = 1_795_600_000_000
DAY_MS: Final = 24 * 3_600_000
_places = count()


@dataclass(frozen=True, kw_only=True)
class Books:
    """A tenant's refunds, as the ledger has claimed them."""

    world: World
    #: By tenant: a run.
    runs: dict[str, str]

    async def claimed(
        self, cents: int, state: str = "succeeded", *, ago_ms: int = 1, tenant: str = "acme"
    ) -> None:
        """A refund that was claimed that long ago, and what came of it."""
        mark = digest(next(_places))
        what = {
            "action_id": mark[-20:],
            "run_id": self.runs[tenant],
            "tenant": tenant,
            "env": ENV,
            "route": REFUND.name,
            "tool": "refund.create",
            "target": "O-1",
            "key_hash": mark,
            "action_digest": mark,
            "idempotency_key": mark,
        }

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(actions).values(**what, **_action(cents)))
            await connection.execute(insert(claims).values(**what, **_claim(state, NOW_MS - ago_ms)))

        await self.world.store.write(work)

    async def exceeded(self, cents: int, *, run_id: str = "run_other") -> str | None:
        """The sentence of the limit that one more refund of acme's would exceed."""
        arguments = {"order_id": "O-2", "amount_cents": cents, "currency": "EUR", "reason": "x"}
        action = frozen(TOOLS.tools["refund.create"], arguments=arguments, env=ENV, run_id=run_id)

        async def work(connection: AsyncConnection) -> str | None:
            found = await exceeded(connection, REFUND, Counted.of_write(action), NOW_MS)
            return None if found is None else found.sentence

        return await self.world.store.look(work)


def _action(cents: int) -> dict[str, Any]:
    return {
        "step": 1,
        "place": next(_places),
        "effect": "destructive",
        "decision": "needs_approval",
        "reasons": "[]",
        "approvals": 2,
        "arguments": json.dumps({"order_id": "O-1", "amount_cents": cents}),
        "arguments_digest": digest(cents),
        "words": "",
        "call_id": "c",
        "created_ms": NOW_MS,
    }


def _claim(state: str, first_ms: int) -> dict[str, Any]:
    return {
        "address": "helpdesk",
        "state": state,
        "fence": 1,
        "holder": "one",
        "claimed_ms": first_ms,
        "first_ms": first_ms,
    }


@pytest.fixture
async def books(store_url: str) -> AsyncIterator[Books]:
    async with opened(store_url, route()) as world:
        runs = {
            tenant: (await world.start(world.caller(tenant=tenant), f"k-{tenant}")).json()["run_id"]
            for tenant in ("acme", "globex")
        }
        yield Books(world=world, runs=runs)


@pytest.mark.parametrize("state", ["succeeded", "claimed", "unknown"])
async def test_what_was_paid_or_may_have_been_stays_reserved(books: Books, state: str) -> None:
    """Paid, under way or unknown: each holds its amount, to the cent."""
    await books.claimed(150_000, state)
    assert await books.exceeded(50_000) is None
    sentence = str(await books.exceeded(50_001))
    assert sentence.startswith(
        "limits[1]: amount_cents of refund.create may add up to 200000 per tenant in 24h, and 150000 is used"
    )


@pytest.mark.parametrize("state", ["failed", "refused"])
async def test_what_surely_paid_nothing_holds_nothing(books: Books, state: str) -> None:
    """A refund that had no effect gives its amount back."""
    await books.claimed(150_000, state)
    assert await books.exceeded(200_000) is None


async def test_a_day_later_and_for_another_tenant_nothing_is_held(books: Books) -> None:
    """The window is a day, and one tenant's refunds are not another's; what is unknown is held for longer."""
    await books.claimed(150_000, ago_ms=DAY_MS)
    await books.claimed(150_000, tenant="globex")
    assert await books.exceeded(200_000) is None
    await books.claimed(150_000, "unknown", ago_ms=2 * DAY_MS)
    assert await books.exceeded(200_000) is not None


async def test_small_refunds_are_counted_too(books: Books) -> None:
    """Twenty a day, however small; and a run pays once."""
    for _ in range(19):
        await books.claimed(1)
    assert await books.exceeded(1) is None
    assert "called 1 time per run" in str(await books.exceeded(1, run_id=books.runs["acme"]))
    await books.claimed(1, "unknown")
    assert "called 20 times per tenant" in str(await books.exceeded(1))
