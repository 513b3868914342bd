"""The control interface: what tests and demonstrations ask and order behind everybody's back."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from embedded.helpdesk import mails, purchases, tickets, visits, write_log
from embedded.helpdesk.callers import Helpdesk, control, helpdesk
from embedded.helpdesk.database import stamp
from embedded.helpdesk.faults import Fault

router = APIRouter(prefix="/control", tags=["control"], dependencies=[Depends(control)])

Parts = Annotated[Helpdesk, Depends(helpdesk)]


@router.get("/writes")
def executed_writes(parts: Parts, key: str | None = None, tenant: str | None = None) -> dict[str, Any]:
    """How often each idempotency key was executed, and every executed write, oldest first."""
    with parts.database.reading() as connection:
        found = write_log.writes(connection, tenant=tenant, key=key)
    executions = Counter(one.idempotency_key for one in found if one.idempotency_key is not None)
    return {"executions": dict(executions), "writes": [one.document() for one in found]}


@router.get("/mails")
def sent_mails(parts: Parts, tenant: str | None = None) -> dict[str, Any]:
    """Every mail that was sent, and to whom, oldest first."""
    with parts.database.reading() as connection:
        return {"mails": [one.document() for one in mails.mails(connection, tenant=tenant)]}


@router.get("/refunds")
def paid_refunds(parts: Parts, tenant: str | None = None) -> dict[str, Any]:
    """Every refund of every order, those of before the first start included, in order of orders and time."""
    with parts.database.reading() as connection:
        found = purchases.purchases(connection, tenant=tenant)
    return {
        "refunds": [
            {"tenant": whose, "order": one.id, "currency": one.currency, **refund}
            for whose, one in found
            for refund in one.refunds
        ]
    }


@router.get("/requests")
def authenticated_requests(
    parts: Parts, tenant: str | None = None, limit: Annotated[int, Query(ge=1, le=20_000)] = 20_000
) -> dict[str, Any]:
    """Every request that came with a tenant's key, oldest first."""
    with parts.database.reading() as connection:
        found = visits.visits(connection, tenant=tenant, limit=limit)
    return {"requests": [one.document() for one in found]}


@router.get("/faults")
async def ordered_faults(parts: Parts) -> dict[str, Any]:
    return {"faults": [fault.model_dump() for fault in parts.faults.listed()]}


@router.put("/faults")
async def order_fault(fault: Fault, parts: Parts) -> dict[str, Any]:
    """Order a fault; one for the same operation and mode is replaced. A restart forgets all of them."""
    parts.faults.order(fault)
    return await ordered_faults(parts)


@router.delete("/faults", status_code=204)
async def clear_faults(parts: Parts) -> None:
    parts.faults.clear()


@router.post("/touch/{ticket_id}")
def touch(ticket_id: str, parts: Parts) -> dict[str, Any]:
    """Give the ticket a new version, as if a colleague had changed it meanwhile; no write is logged."""
    with parts.database.writing() as connection:
        tenant, found = tickets.of_anybody(connection, ticket_id)
        touched = found.touched(at=stamp(parts.database.clock()))
        tickets.save(connection, tenant, touched)
    return {"ticket": ticket_id, "tenant": tenant, "version": touched.version}


@router.post("/touch-order/{order_id}")
def touch_order(order_id: str, parts: Parts) -> dict[str, Any]:
    """The same for an order."""
    with parts.database.writing() as connection:
        tenant, found = purchases.of_anybody(connection, order_id)
        touched = found.touched()
        purchases.save(connection, tenant, touched)
    return {"order": order_id, "tenant": tenant, "version": touched.version}
