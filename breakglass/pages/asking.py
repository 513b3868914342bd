"""The list of sessions, and the form with which somebody asks for one."""

from collections.abc import Mapping
from typing import Final

import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from breakglass.opening import Wish
from breakglass.pages.shown import shown
from breakglass.pages.visits import Visiting, visit_of
from breakglass.shapes import OpenBody
from contracts.break_glass import LONGEST_MINUTES
from contracts.errors import InterlockError
from gateway.pages import forms
from gateway.pages.drawing import page
from gateway.pages.telling import told
from gateway.problems import of_error
from policies.break_glass import tenants_of

LOG: Final = structlog.get_logger("breakglass.pages")


async def show(request: Request) -> Response:
    return await _page(await visit_of(request))


async def ask(request: Request) -> Response:
    visit = await visit_of(request)
    person = visit.signed_in()
    fields = await forms.read(request, visit)
    wish = _wish(fields)
    if wish is None:
        sentence = "Fill in the tenant, the tools, the minutes and the reason; nothing was asked for."
        return await _page(visit, 422, sentence, fields)
    try:
        record = await visit.parts.openings.ask(person.principal, wish)
    except InterlockError as error:
        return await _page(visit, of_error(error).status, told(error), fields)
    LOG.info("session asked for", session_id=record.opening.session_id, principal=person.principal)
    return RedirectResponse(f"/sessions/{record.opening.session_id}", 303)


def _wish(fields: Mapping[str, str]) -> Wish | None:
    """As a body of the API would ask for it; None: it is none."""
    try:
        body = OpenBody.model_validate(
            {
                "tenant": fields.get("tenant", "").strip(),
                "tools": fields.get("tools", "").split(),
                "minutes": int(fields.get("minutes", "")),
                "reason": fields.get("reason", "").strip(),
                "overrides": fields.get("overrides", "").split(),
            }
        )
    except (ValueError, ValidationError):
        return None
    return Wish(
        tenant=body.tenant,
        tools=tuple(body.tools),
        minutes=body.minutes,
        reason=body.reason,
        overrides=tuple(body.overrides),
    )


async def _page(
    visit: Visiting, status: int = 200, problem: str = "", fields: Mapping[str, str] | None = None
) -> Response:
    person, parts = visit.signed_in(), visit.parts
    async with parts.members.refusing("read", person.principal):
        found = await parts.members.list(person.principal)
    now_ms = parts.clock.now_ms()
    sessions = [shown(record, (), person, now_ms) for record in found]
    _, catalogue = await parts.in_force.catalogue()
    return await page(
        "sessions.html",
        visit,
        status,
        now=[one for one in sessions if not one.record.state.ended],
        before=[one for one in sessions if one.record.state.ended],
        tenants=tenants_of(person),
        tools=sorted(name for name, spec in catalogue.tools.items() if spec.effect.writes),
        longest=LONGEST_MINUTES,
        problem=problem,
        fields=fields or {},
    )
