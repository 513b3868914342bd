"""The page of one session, and how the forms on it are answered."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from breakglass.pages.shown import shown
from breakglass.pages.visits import Visiting, visit_of
from contracts.errors import InterlockError, Unavailable
from gateway.pages import forms
from gateway.pages.drawing import page
from gateway.pages.telling import told
from gateway.problems import of_error
from policies.break_glass import outside
from policies.people import short_name
from policies.times import moment

LOG: Final = structlog.get_logger("breakglass.pages")

Fields: TypeAlias = Mapping[str, str]
Work: TypeAlias = Callable[[Visiting, str, Fields], Awaitable[None]]
"""What a form asks for, of a session. Raises InterlockError."""


async def show(request: Request) -> Response:
    return await _page(await visit_of(request), request.path_params["session_id"])


def sent(what: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a form: done, the session is shown anew; refused, nothing that was typed is lost."""

    async def endpoint(request: Request) -> Response:
        visit, session_id = await visit_of(request), request.path_params["session_id"]
        principal = visit.signed_in().principal
        fields = await forms.read(request, visit)
        try:
            await work(visit, session_id, fields)
        except InterlockError as error:
            LOG.info("form refused", what=what, session_id=session_id[:40], principal=principal)
            return await _page(visit, session_id, error, fields)
        LOG.info("form done", what=what, session_id=session_id, principal=principal)
        return RedirectResponse(f"/sessions/{session_id}", 303)

    return endpoint


async def _page(
    visit: Visiting, session_id: str, error: InterlockError | None = None, fields: Fields | None = None
) -> Response:
    signed_in, parts = visit.signed_in(), visit.parts
    async with parts.members.refusing("read", signed_in.principal, session_id):
        person, record = await parts.members.visible(signed_in.principal, session_id)
    acts = await parts.acting.of(session_id)
    return await page(
        "session.html",
        visit,
        200 if error is None else of_error(error).status,
        shown=shown(record, acts, person, parts.clock.now_ms()),
        problem="" if error is None else told(error),
        # What a neighbour did not answer to may be sent again; anything else is another act.
        key=(fields or {}).get("key", "") if isinstance(error, Unavailable) else secrets.token_hex(16),
        fields=fields or {},
        why_not=outside(person, record.opening.tenant) or "",
        short_name=short_name,
        moment=moment,
    )
