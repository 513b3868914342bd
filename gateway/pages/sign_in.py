"""Signing in and out. Looking at a link uses nothing up: programs that preview links look too."""

from collections.abc import Mapping
from typing import Final

import structlog
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.errors import TokenRefused
from gateway.bodies import repeated
from gateway.pages import forms, visits
from gateway.pages.drawing import page
from gateway.pages.faults import Fault
from gateway.pages.visits import House, Visit, visit_at
from policies.people import short_name

LOG: Final = structlog.get_logger("gateway.pages")

_STEPS: Final = frozenset({"csrf"})
"""Fields of the form that are ours and none of the provider's."""


async def ask(request: Request) -> Response:
    visit = await visit_at(request)
    identity, params = visit.pages.identity, _params(request.query_params)
    whom = None
    try:
        whom = identity.names(params) if params else None
        problem = "" if whom is None or _known(visit, whom) else _unknown(whom)
    except TokenRefused as error:
        problem = _refused(error)
    response = await page(
        "sign_in.html",
        visit,
        403 if problem else 200,
        params={} if problem else params,
        whom=short_name(whom) if whom else "",
        problem=problem,
        begin=identity.begin(state=visit.csrf),
    )
    visits.give(response, visit.pages, visit.secret)
    return response


async def finish(request: Request) -> Response:
    """Sign in under a new secret: the one of before is worth nothing from here on."""
    visit = await visit_at(request)
    fields = await forms.read(request, visit)
    params = {name: value for name, value in fields.items() if name not in _STEPS}
    try:
        signed_in = await visit.pages.identity.finish(params, state=visit.csrf)
    except TokenRefused as error:
        raise Fault(403, _refused(error)) from error
    if not _known(visit, signed_in.principal):
        raise Fault(403, _unknown(signed_in.principal))
    secret, until = visits.new_secret(), visit.parts.clock.now_ms() + visits.LIFE_MS
    session = visits.session_of(secret, visit.parts.env)
    opened = visit.pages.sessions.open(session, signed_in, until_ms=until, instead_of=visit.session)
    if not await opened:
        raise Fault(403, "This link was used before, and works once. Get a new one.")
    LOG.info("signed in", principal=signed_in.principal)
    response = RedirectResponse(visits.wanted(request, visit.pages), 303)
    visits.give(response, visit.pages, secret)
    return response


async def leave(request: Request) -> Response:
    visit = await visit_at(request)
    await forms.read(request, visit)
    await visit.pages.sessions.close(visit.session)
    response = RedirectResponse("/sign-in", 303)
    visits.take(response, visit.pages)
    return response


def _params(query: QueryParams) -> Mapping[str, str]:
    if repeated(name for name, _ in query.multi_items()) is not None:
        raise Fault(400, "A part of this address is there twice.")
    return dict(query)


def _known(visit: Visit[House], principal: str) -> bool:
    return visit.people.by_principal(principal) is not None


def _unknown(principal: str) -> str:
    return f"{principal} is not in the people file, so there is nothing for them to decide here."


def _refused(error: TokenRefused) -> str:
    return f"This link does not sign you in: {error.sentence}."
