"""A run's events, server-sent: derived from its audit records, and so the same after any restart.

An event's id is its record's place in the tenant's chain. A stream goes on after the id that it is given,
and ends with the record of the run's end; what is asked for after that is answered with 204, on which an
``EventSource`` stops asking.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.types import Send

from contracts.audit import ChainedRecord
from contracts.errors import Unavailable
from contracts.run import RunRecord
from gateway.asked import EventFilter
from gateway.auth import Reader
from gateway.event_shapes import NAMES, Event, ends, event_view
from gateway.parts import Given, Parts
from gateway.ports import AuditQuery
from gateway.problems import Problem, ProblemType, answers
from gateway.runs import Visible, undone

router: Final = APIRouter(tags=["runs"])

_PAGE: Final = 100
#: Seconds of silence after which a comment is sent.
_SILENCE: Final = 15.0
#: Seconds that a client has to take the rest once its token has run out.
_GRACE: Final = 5.0
_ID: Final = re.compile(r"0|[1-9][0-9]{0,15}")

LastEventId = Annotated[
    str,
    Header(
        alias="Last-Event-ID",
        description="Id of the last event seen; goes before `last_event_id`",
        json_schema_extra={"pattern": f"^({_ID.pattern})$"},
    ),
]

_ITEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["event", "id", "data"],
    "properties": {
        "event": {"enum": sorted(set(NAMES.values()))},
        "id": {"type": "string", "pattern": f"^({_ID.pattern})$"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Event"},
        },
    },
}


class EventStream(EventSourceResponse):
    """Events for so many seconds: a client that takes nothing is let go then too."""

    def __init__(self, events: AsyncIterator[bytes], *, seconds: float) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._seconds = seconds

    async def stream_response(self, send: Send) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await super().stream_response(send)


async def _seat(run: Visible, reader: Reader, parts: Given) -> AsyncIterator[None]:
    """Held until the response is over, however it ends."""
    async with parts.watching.seat(reader.subject, run.run_id):
        yield


@router.get(
    "/v1/runs/{run_id}/events",
    summary="Follow a run by server-sent events",
    response_class=Response,
    responses={
        200: {
            "description": "Events `run`, `action` and `approval`, to the run's end",
            "content": {"text/event-stream": {"itemSchema": _ITEM}},
        },
        204: {"description": "The run has ended, and no event follows the one that was named"},
        **answers(404),
    },
    dependencies=[Depends(_seat)],
)
async def follow_run(
    run: Visible,
    wanted: Annotated[EventFilter, Query()],
    reader: Reader,
    parts: Given,
    request: Request,
    last: LastEventId = "0",
) -> Response:
    """The stream ends with the event whose data says `last`, with the token, or with this process; it is
    resumed after any event by that event's id."""
    given = last if "last-event-id" in request.headers else None
    after = await _place(parts, run, wanted, given)
    if run.state.ended and not await _goes_on(parts, run, after):
        return Response(status_code=204)
    events = _events(parts, run, after, expires=reader.expires, follow=wanted.follow)
    return EventStream(events, seconds=reader.expires - time.time() + _GRACE)


async def _place(parts: Parts, run: RunRecord, wanted: EventFilter, last: str | None) -> int:
    """Where the stream goes on; 0: at the start. Raises Problem where that is no event of this run."""
    given, field = (wanted.last_event_id, "last_event_id") if last is None else (last, "Last-Event-ID")
    if given in (None, "0"):
        return 0
    if _ID.fullmatch(given or ""):
        seq = int(given or "")
        if [one.seq for one in await _page(parts, run, seq - 1, limit=1)] == [seq]:
            return seq
    raise Problem(
        ProblemType.INVALID, "this is the id of no event of this run; leave it out to start anew", field=field
    )


async def _goes_on(parts: Parts, run: RunRecord, after: int) -> bool:
    """Whether the end of an ended run comes after that place; a click that was refused later counts not."""
    while page := await _page(parts, run, after):
        if any(ends(chained) for chained in page):
            return True
        after = page[-1].seq
    return False


async def _events(
    parts: Parts, run: RunRecord, after: int, *, expires: int, follow: bool
) -> AsyncIterator[bytes]:
    """The stream as it goes over the wire. It ends early where the store is away: the client comes again."""
    with suppress(Unavailable):
        while (left := expires - time.time()) > 0:
            # A client that goes cancels this; a connection to the store that is cancelled at work is lost.
            step = await asyncio.shield(_step(parts, run, after))
            for chained, event in step.told:
                yield _written(chained, event)
                if event.root.last:
                    return
            if step.last > after:
                after = step.last
            elif step.ended or not follow:
                return
            elif not await parts.watching.later(run.run_id, after, min(_SILENCE, left)):
                yield KEEPALIVE_COMMENT


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One look at what happened after a place."""

    told: Sequence[tuple[ChainedRecord, Event]]
    #: Place of the last record that was seen.
    last: int
    #: Whether the run had ended before the look.
    ended: bool


async def _step(parts: Parts, run: RunRecord, after: int) -> _Step:
    # Read before the page: where the run had ended by then, its end is among the records.
    before = await parts.runs.get(run.run_id)
    page = await _page(parts, run, after)
    last = page[-1].seq if page else after
    return _Step(told=await _told(parts, run.run_id, page), last=last, ended=before.state.ended)


async def _page(parts: Parts, run: RunRecord, after: int, limit: int = _PAGE) -> Sequence[ChainedRecord]:
    query = AuditQuery(
        tenant=run.tenant,
        env=run.env,
        run_id=run.run_id,
        tool=None,
        routes=None,
        since_ms=None,
        after=after,
        limit=limit,
    )
    return await parts.audit.page(query)


async def _told(
    parts: Parts, run_id: str, page: Sequence[ChainedRecord]
) -> list[tuple[ChainedRecord, Event]]:
    """The events of these records, each with its thing as it is now: never older than the record."""
    shown = [chained for chained in page if chained.record["kind"] in NAMES]
    if not shown:
        return []
    run = await parts.runs.get(run_id)
    actions = {action.action_id: action for action in await parts.actions.of_run(run_id)}
    asked = {chained.record["approval_id"] for chained in shown}
    asked |= {actions[name].approval_id for chained in shown if (name := chained.record["action_id"])}
    approvals = {name: await parts.approvals.get(name) for name in sorted(asked - {None})}
    undos = await undone(parts, run_id, actions.values())
    return [(chained, event_view(chained, run, actions, approvals, undos)) for chained in shown]


def _written(chained: ChainedRecord, event: Event) -> bytes:
    return format_sse_event(
        event=NAMES[event.root.kind], data_str=event.model_dump_json(), id=str(chained.seq)
    )
