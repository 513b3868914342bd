"""A write as its request asks for it: whose it is, under which condition and which key; and its answer."""

import re
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from embedded.helpdesk.callers import caller, fate, helpdesk
from embedded.helpdesk.conditions import Condition
from embedded.helpdesk.door import capability_sha256
from embedded.helpdesk.execution import Change, Order, execute
from embedded.helpdesk.faults import Operation
from embedded.helpdesk.keys import TenantScope
from embedded.helpdesk.problems import Problem
from embedded.helpdesk.shelves import Shelf, T

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


async def ordered(
    operation: Operation,
    target: str,
    request: Request,
    change: Change[T],
    *,
    shelf: Shelf[T],
    scope: TenantScope = "write",
) -> Order[T]:
    """Raises Problem when the key has another scope, or a header is missing or malformed."""
    who = caller(request, scope)
    return Order(
        tenant=who.tenant,
        scope=who.scope,
        operation=operation,
        target=target,
        shelf=shelf,
        condition=Condition.read(request.headers.getlist("if-match")),
        idempotency_key=_idempotency_key(request.headers.getlist("idempotency-key")),
        path=request.url.path,
        body=await request.body(),
        request_id=request.headers.get("interlock-request-id"),
        capability_sha256=capability_sha256(request.headers),
        change=change,
    )


async def perform(operation: Operation, request: Request, order: Order[Any]) -> Response:
    """Carry it out, once for its key, after whatever fault is on order; or answer from memory."""
    parts = helpdesk(request)
    with parts.in_flight.hold(order):
        await parts.faults.strike(operation, fate(request))
        answer = await run_in_threadpool(execute, parts.database, order)
    headers = {"ETag": answer.etag} | ({"Idempotency-Replayed": "true"} if answer.replayed else {})
    return Response(answer.body, answer.status, headers, media_type="application/json")


def _idempotency_key(headers: list[str]) -> str | None:
    if not headers:
        return None
    if len(headers) > 1 or not _KEY.fullmatch(headers[0]):
        raise Problem("malformed-request", "send one Idempotency-Key of 1 to 255 visible ASCII characters")
    return headers[0]
