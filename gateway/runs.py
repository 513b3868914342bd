"""Runs over HTTP: start, read, list, cancel."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response

from contracts.errors import Conflict, Unknown
from contracts.run import ActionRecord, RunRecord, UndoRecord
from contracts.tokens import Purpose
from gateway import cursors
from gateway.asked import CancelBody, Patience, RunFilter, StartBody
from gateway.auth import Caller, Principal, Reader
from gateway.bodies import StrictRoute
from gateway.idempotency import only_key
from gateway.parts import Given, Parts
from gateway.ports import NewRun, RunQuery
from gateway.problems import Problem, ProblemType, answers
from gateway.run_shapes import RunPage, RunShape
from gateway.starts import Start, warrant
from gateway.views import run_view
from policies.undo import has_undo, standing

LOG: Final = structlog.get_logger("gateway.runs")
router: Final = APIRouter(route_class=StrictRoute, tags=["runs"])

_PAGE: Final = 50
#: Seconds between two looks of a long poll.
_LOOK: Final = 0.25


IdempotencyKey = Annotated[
    str,
    Depends(only_key("Names this request: the same key and body give the same run, while it is kept.")),
]


@router.post(
    "/v1/runs",
    status_code=202,
    summary="Start a run",
    responses={
        200: {"model": RunShape, "description": "This key started this run before"},
        **answers(400, 404, 415),
    },
)
async def start_run(
    body: StartBody, key: IdempotencyKey, caller: Caller, parts: Given, response: Response
) -> RunShape:
    record, new = await _accept(parts, caller, body, key)
    return await accepted(parts, record, new, response)


async def accepted(parts: Parts, record: RunRecord, new: bool, response: Response) -> RunShape:
    """Start what was accepted, where that is still to be done, and answer with it."""
    if record.first_execution is None and not record.state.ended:
        record = await parts.launcher.try_launch(record)
    LOG.info("run accepted", run_id=record.run_id, route=record.route, tenant=record.tenant, new=new)
    response.status_code = 202 if new else 200
    response.headers["Location"] = f"/v1/runs/{record.run_id}"
    return await _whole(parts, record)


async def _accept(parts: Parts, caller: Principal, body: StartBody, key: str) -> tuple[RunRecord, bool]:
    """The run of this request, and whether it is new."""
    if caller.tenant is None or not caller.may_use(body.route):
        raise Problem(ProblemType.FORBIDDEN, f"the token does not permit {body.route}", field="/route")
    start = Start(caller=caller, tenant=caller.tenant, env=parts.env, key=key, body=body)
    body_digest = start.body_digest
    try:
        # First of all: what was accepted once stays so, whatever was withdrawn or narrowed since.
        found = await parts.runs.started(start.start_hash, body_digest)
        if found is not None:
            return found, False
        return await parts.runs.accept(await _new_run(parts, start, body_digest))
    except Conflict as error:
        raise Problem(ProblemType.KEY_REUSED, error.sentence, field="Idempotency-Key") from error


async def _new_run(parts: Parts, start: Start, body_digest: str) -> NewRun:
    """A run to be written down, with its warrant pinned and signed."""
    try:
        policy_digest, route = await parts.in_force.route(start.body.route)
    except Unknown as error:
        raise Problem(ProblemType.NOT_FOUND, error.sentence, field="/route") from error
    pinned = warrant(
        start,
        route=route,
        policy_digest=policy_digest,
        catalogue_digest=await parts.in_force.catalogue_digest(),
    )
    return NewRun(
        warrant=pinned,
        token=parts.signer.sign(Purpose.WARRANT, pinned.claims()),
        start_hash=start.start_hash,
        body_digest=body_digest,
        input=start.body.input,
    )


@router.get("/v1/runs/{run_id}", summary="Read a run, or wait for it to change", responses=answers(404))
async def read_run(
    run_id: str, patience: Annotated[Patience, Query()], reader: Reader, parts: Given, request: Request
) -> RunShape:
    record = await visible(parts, reader, run_id)
    seen = record.version if patience.version is None else patience.version
    until = time.monotonic() + patience.wait
    while record.version == seen and not record.state.ended and time.monotonic() < until:
        if await request.is_disconnected():
            break
        await asyncio.sleep(min(_LOOK, max(until - time.monotonic(), 0)))
        record = await parts.runs.get(run_id)
    return await _whole(parts, record)


@router.get("/v1/runs", summary="List runs, newest first", responses=answers())
async def list_runs(wanted: Annotated[RunFilter, Query()], reader: Reader, parts: Given) -> RunPage:
    before = cursors.read_place(wanted.cursor)
    if reader.tenant is not None and wanted.tenant not in (None, reader.tenant):
        return RunPage(runs=(), cursor=None)
    if wanted.route is not None and not reader.may_use(wanted.route):
        return RunPage(runs=(), cursor=None)
    query = RunQuery(
        env=parts.env,
        tenant=reader.tenant or wanted.tenant,
        routes=reader.routes if wanted.route is None else (wanted.route,),
        state=wanted.state,
        before=before,
        limit=_PAGE + 1,
    )
    found = await parts.runs.page(query)
    shown, last = found[:_PAGE], found[:_PAGE][-1:]
    cursor = cursors.after_place(last[0].created_ms, last[0].run_id) if len(found) > _PAGE else None
    return RunPage(runs=tuple([await _whole(parts, run) for run in shown]), cursor=cursor)


@router.post(
    "/v1/runs/{run_id}/cancel", status_code=202, summary="Cancel a run", responses=answers(400, 404, 409, 415)
)
async def cancel_run(run_id: str, body: CancelBody, reader: Reader, parts: Given) -> RunShape:
    """Nothing more is written from now on; the run ends as soon as its workflow has heard of it."""
    await visible(parts, reader, run_id)
    record = await parts.runs.request_cancel(run_id, actor=reader.subject, reason=body.reason)
    parts.drain.poke()
    return await _whole(parts, record)


async def visible(parts: Parts, reader: Principal, run_id: str) -> RunRecord:
    """The run, where this reader may know of it; another's is as absent as one that never was."""
    absent = Problem(ProblemType.NOT_FOUND, "there is no such run, or not for this token")
    if not run_id.isalnum() and not run_id.replace("_", "").isalnum():
        raise absent
    try:
        record = await parts.runs.get(run_id)
    except Unknown as error:
        raise absent from error
    if record.env != parts.env or not reader.reaches(tenant=record.tenant, route=record.route):
        raise absent
    return record


async def _asked(run_id: str, reader: Reader, parts: Given) -> RunRecord:
    return await visible(parts, reader, run_id)


Visible = Annotated[RunRecord, Depends(_asked)]
"""The run of the path, where the token reaches it; 404 otherwise."""


async def _whole(parts: Parts, record: RunRecord) -> RunShape:
    actions = await parts.actions.of_run(record.run_id)
    asked = {action.approval_id for action in actions if action.approval_id is not None}
    approvals = {name: await parts.approvals.get(name) for name in sorted(asked)}
    return run_view(record, actions, approvals, await undone(parts, record.run_id, actions))


async def undone(parts: Parts, run_id: str, actions: Iterable[ActionRecord]) -> Mapping[str, UndoRecord]:
    """The undos of these actions that stand, by action; asked for only where one can have one."""
    if not any(has_undo(action) for action in actions):
        return {}
    return standing(await parts.actions.undos(run_id))
