"""The outbox over HTTP: operators see what has not left, and have what was given up tried again."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from contracts.errors import Unknown
from gateway import cursors
from gateway.asked import LetterFilter
from gateway.auth import Operator
from gateway.bodies import StrictRoute
from gateway.operator_shapes import LetterPage, LetterShape
from gateway.parts import Given
from gateway.ports import LetterQuery
from gateway.problems import Problem, ProblemType, answers
from gateway.views import letter_view

router: Final = APIRouter(route_class=StrictRoute, tags=["outbox"])

_PAGE: Final = 100
OutboxId = Annotated[
    str, Path(description="Its `outbox_id`, such as `card:apr_…`", pattern=r"^[a-z]+:[a-z0-9_]{1,64}$")
]


@router.get("/v1/outbox", summary="List what has not arrived, or was given up", responses=answers())
async def list_letters(
    wanted: Annotated[LetterFilter, Query()], operator: Operator, parts: Given
) -> LetterPage:
    query = LetterQuery(
        tenant=operator.tenant,
        routes=operator.routes,
        dead=wanted.dead,
        after=cursors.read_letter(wanted.cursor),
        limit=_PAGE + 1,
    )
    found = await parts.outbox.page(query)
    shown = found[:_PAGE]
    cursor = cursors.after_letter(shown[-1].outbox_id) if len(found) > _PAGE else None
    return LetterPage(letters=tuple(letter_view(letter) for letter in shown), cursor=cursor)


@router.post("/v1/outbox/{outbox_id}/retry", summary="Try it again now", responses=answers(404))
async def retry_letter(outbox_id: OutboxId, operator: Operator, parts: Given) -> LetterShape:
    """It counts as new: its attempts start again. A post to Slack that is under way is let finish first."""
    absent = Problem(ProblemType.NOT_FOUND, "no such letter waits in the outbox, or not for this token")
    try:
        letter = await parts.outbox.get(outbox_id)
        if not operator.reaches(tenant=letter.tenant, route=letter.route):
            raise absent
        again = await parts.outbox.retry(outbox_id, actor=operator.subject)
    except Unknown as error:
        raise absent from error
    parts.drain.poke()
    return letter_view(again)
