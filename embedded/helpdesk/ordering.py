"""A write as its request asks for it: whose it is, under which condition and which key."""

import re
from typing import Literal

from fastapi import Request

from embedded.helpdesk.callers import caller
from embedded.helpdesk.conditions import Condition
from embedded.helpdesk.door import capability_sha256
from embedded.helpdesk.execution import Change, Order
from embedded.helpdesk.problems import Problem

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


async def ordered(
    operation: str,
    ticket_id: str,
    request: Request,
    change: Change,
    *,
    scope: Literal["write", "mail"] = "write",
) -> Order:
    """Raises Problem when the key has another scope, or a header is missing or malformed."""
    who = caller(request, scope)
    return Order(
        tenant=who.tenant,
        scope=who.scope,
        operation=operation,
        ticket_id=ticket_id,
        condition=Condition.read(request.headers.getlist("if-match")),
        idempotency_key=_idempotency_key(request.headers.getlist("idempotency-key")),
        path=request.url.path,
        body=await request.body(),
        request_id=request.headers.get("interlock-request-id"),
        capability_sha256=capability_sha256(request.headers),
        change=change,
    )


def _idempotency_key(headers: list[str]) -> str | None:
    if not headers:
        return None
    if len(headers) > 1 or not _KEY.fullmatch(headers[0]):
        raise Problem("malformed-request", "send one Idempotency-Key of 1 to 255 visible ASCII characters")
    return headers[0]
