"""A claim's row: put, read back as the conclusion that it keeps, and told to the audit."""

import json
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.about import about
from adapters.contents import FORGOTTEN, Place, opened, sealed
from adapters.schema import claims
from contracts.action import Frozen
from contracts.audit import AuditRecord
from contracts.break_glass import actor_of
from contracts.digest import canonical
from contracts.ledger import Conclusion
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tool import ToolSpec

LEASE_MS = 6_000
"""How long a claim is its holder's alone, unless renewed: then others take it over, as its tool allows."""


async def put(connection: AsyncConnection, row: dict[str, Any], *, anew: bool) -> None:
    """A first claim of its key, or one ``anew`` after an end without effect."""
    if not anew:
        await connection.execute(insert(claims).values(**row))
        return
    again = {name: row[name] for name in _CLAIMED_ANEW}
    await connection.execute(update(claims).where(claims.c.key_hash == row["key_hash"]).values(**again))


async def doubt(connection: AsyncConnection, frozen: Frozen, fence: int | None, now_ms: int) -> None:
    """A claim that nobody made as far as the books know: its write may have been sent all the same.

    ``fence`` is that of its key's last claim, which ended without effect; None where there was none.
    """
    row = row_of(frozen, "", now_ms, 0 if fence is None else fence + 1)
    await put(
        connection, row | {"state": Outcome.UNKNOWN, "epoch": "", "lease_ms": 0}, anew=fence is not None
    )


_CLAIMED_ANEW = (
    *("action_digest", "state", "fence", "epoch", "holder", "claimed_ms", "first_ms", "lease_ms"),
    *("settled_ms", "result"),
)


async def in_hand(connection: AsyncConnection, key_hash: str | None) -> bool:
    """Whether a claim of this key is open: then its own end, and no other, is how its action ends."""
    if key_hash is None:
        return False
    state = await connection.scalar(select(claims.c.state).where(claims.c.key_hash == key_hash))
    return state in ("claimed", Outcome.UNKNOWN)


def row_of(frozen: Frozen, holder: str, now: int, fence: int) -> dict[str, Any]:
    """The row of a claim that is made now; it still lacks its epoch."""
    return {
        "key_hash": frozen.key_hash,
        "idempotency_key": frozen.idempotency_key,
        "tenant": frozen.tenant,
        "env": frozen.env,
        "route": frozen.route,
        "run_id": frozen.run_id,
        "action_id": frozen.action_id,
        "action_digest": frozen.digest(),
        "tool": frozen.tool,
        "address": frozen.address,
        "target": frozen.target,
        "state": "claimed",
        "fence": fence,
        "holder": holder,
        "claimed_ms": now,
        "first_ms": now,
        "lease_ms": now + LEASE_MS,
        "settled_ms": None,
        "result": None,
    }


def attempt_record(
    run: WarrantedRun,
    action: ActionRecord,
    spec: ToolSpec,
    now: int,
    approvers: tuple[str, ...],
    outcome: str = "sent",
) -> AuditRecord:
    """The audit record of one attempt: who let it be made, under which credential."""
    scope = f"{run.warrant.env}/{run.warrant.tenant}/{spec.credential}" if spec.credential else None
    return AuditRecord(
        **about(run.warrant, action),
        kind="attempt",
        at_ms=now,
        actor=actor_of(run.warrant),
        outcome=outcome,
        credential_scope=scope,
        approvers=approvers,
    )


def _place(claim: Frozen | Row[Any]) -> Place:
    return Place(tenant=claim.tenant, env=claim.env, column="claims.result", row=claim.key_hash)


def kept(connection: AsyncConnection, claim: Frozen | Row[Any], conclusion: Conclusion) -> str:
    """What a settled claim keeps of its end, for whoever asks again."""
    told = canonical({"content": conclusion.content, "text": conclusion.text}).decode()
    return sealed(connection, _place(claim), told)


def stored(connection: AsyncConnection, row: Row[Any]) -> Conclusion | None:
    """The end that a claim keeps; None while it has none. Of a forgotten one its outcome is left."""
    if row.result is None:
        return None
    found = opened(connection, _place(row), row.result)
    told = {"content": FORGOTTEN, "text": FORGOTTEN} if found is None else json.loads(found)
    return Conclusion(
        outcome=Outcome(row.state),
        content=told["content"],
        text=told["text"],
        duration_ms=0,
        attempts=row.fence,
    )
