"""What the keys of orders may do: one reads an order, the other pays some of it back, for good."""

import secrets
import sqlite3
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from embedded.helpdesk.callers import Helpdesk, helpdesk, reader, refunder
from embedded.helpdesk.ordering import ordered, perform
from embedded.helpdesk.problems import Problem
from embedded.helpdesk.purchases import Purchase, purchase
from embedded.helpdesk.shelves import PURCHASES

router = APIRouter(tags=["refunding"])


class Refund(BaseModel):
    """How much is paid back, and why. To whom is the order's to say."""

    model_config = ConfigDict(extra="forbid", strict=True)
    amount_cents: Annotated[int, Field(ge=1, le=100_000_000)]
    currency: Literal["EUR", "USD"]
    #: On one line: it stands in the customer's statement.
    reason: Annotated[
        str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
    ]


@router.get("/orders/{order_id}")
def get_order(
    order_id: str,
    tenant: Annotated[str, Depends(reader("get_order", "orders"))],
    parts: Annotated[Helpdesk, Depends(helpdesk)],
    response: Response,
) -> dict[str, Any]:
    """One order; its ETag is its version in quotes."""
    with parts.database.reading() as connection:
        found = purchase(connection, tenant, order_id)
    response.headers["ETag"] = found.etag
    return found.document()


@router.post("/orders/{order_id}/refunds", dependencies=[Depends(refunder)])
async def refund(order_id: str, body: Refund, request: Request) -> Response:
    """Pay back, where the order still has the version of If-Match; the answer is the order as it is since."""

    def change(_: sqlite3.Connection, order: Purchase, at: str) -> Purchase:
        return order.paid_back(f"R-{secrets.token_hex(6)}", **body.model_dump(), at=at)

    order = await ordered("refund", order_id, request, change, shelf=PURCHASES, scope="refund")
    if order.idempotency_key is None:
        raise Problem("key-required", "send an Idempotency-Key: without one, a request sent twice pays twice")
    return await perform("refund", request, order)
