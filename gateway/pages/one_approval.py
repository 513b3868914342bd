"""The full page of an approval, and the decision that is taken on it."""

import json
import re
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contracts.approval import Answer, ApprovalRecord, Click, Person, Ruled
from contracts.errors import Malformed, Unknown
from contracts.passkey import Assertion
from gateway.pages import forms, standing
from gateway.pages.drawing import page
from gateway.pages.faults import absent
from gateway.pages.offers import offers
from gateway.pages.shown import named, shown
from gateway.pages.visits import Visit, visit_of
from gateway.parts import Parts, parts_of
from gateway.problems import of_refusal
from policies.times import moment

LOG: Final = structlog.get_logger("gateway.pages")

REASON: Final = 1_000
"""Characters of a reason."""
_ID: Final = re.compile(r"apr_[0-9a-f]{1,36}")


async def show(request: Request) -> Response:
    visit = await visit_of(request)
    approval = await _known(request, visit)
    if not _reaches(visit.signed_in(), approval):
        raise absent()
    return await _page(visit, approval)


async def decide(request: Request) -> Response:
    """The same rules as a click in Slack; what does not count is told on the page, and nothing is lost."""
    received_ms = parts_of(request).clock.now_ms()
    visit = await visit_of(request)
    approval = await _known(request, visit)
    fields = await forms.read(request, visit)
    click = _click(approval, visit.signed_in(), fields, received_ms)
    if not _reaches(visit.signed_in(), approval):
        if click is not None:
            # Audited as refused; to whom it is not shown, it is not there.
            await visit.parts.desk.decide(click, env=visit.parts.env)
        raise absent()
    if click is None:
        return await _page(visit, approval, 422, "This form holds no decision. Press a button below.", fields)
    if len(click.reason) > REASON:
        long = f"A reason has at most {REASON} characters; nothing changed."
        return await _page(visit, approval, 422, long, fields)
    ruled = await visit.parts.desk.decide(click, env=visit.parts.env)
    LOG.info(
        "decision on the page",
        approval_id=approval.approval_id,
        answer=click.answer,
        principal=click.principal,
        refusal=ruled.refusal,
    )
    return await _answered(visit, approval, ruled, fields)


async def _answered(
    visit: Visit[Parts], approval: ApprovalRecord, ruled: Ruled, fields: Mapping[str, str]
) -> Response:
    if ruled.refusal is not None:
        status = of_refusal(ruled.refusal, ruled.sentence).status
        return await _page(visit, ruled.approval or approval, status, ruled.sentence, fields)
    visit.parts.drain.poke()
    return RedirectResponse(f"/approvals/{approval.approval_id}", 303)


async def _known(request: Request, visit: Visit[Parts]) -> ApprovalRecord:
    """An approval of this environment, for somebody who is signed in. Raises Fault."""
    visit.signed_in()
    approval_id = request.path_params["approval_id"]
    if not _ID.fullmatch(approval_id):
        raise absent()
    try:
        approval = await visit.parts.approvals.get(approval_id)
    except Unknown as error:
        raise absent() from error
    if approval.env != visit.parts.env:
        raise absent()
    return approval


def _reaches(person: Person, approval: ApprovalRecord) -> bool:
    """Whether this person approves for its tenant and on its route at all."""
    return approval.tenant in person.tenants and (person.routes is None or approval.route in person.routes)


def _click(
    approval: ApprovalRecord, person: Person, fields: Mapping[str, str], received_ms: int
) -> Click | None:
    """None: the form says nothing that could be judged."""
    try:
        return Click(
            approval_id=approval.approval_id,
            action_digest=fields["action_digest"],
            answer=Answer(fields["decision"]),
            principal=person.principal,
            way="page",
            reason=fields.get("reason", "").strip().replace("\r\n", "\n"),
            at_ms=received_ms,
            assertion=_assertion(fields.get("assertion", "")),
        )
    except (KeyError, ValueError, Malformed, RecursionError):
        return None


def _assertion(text: str) -> Assertion | None:
    return Assertion.read(json.loads(text)) if text else None


async def _page(
    visit: Visit[Parts],
    approval: ApprovalRecord,
    status: int = 200,
    problem: str = "",
    fields: Mapping[str, str] | None = None,
) -> Response:
    person, now_ms = visit.signed_in(), visit.parts.clock.now_ms()
    return await page(
        "one_approval.html",
        visit,
        status,
        shown=shown(approval),
        offers=offers(approval, person, visit.people, now_ms),
        person=person,
        problem=problem,
        reason=(fields or {}).get("reason", "")[:REASON],
        longest=REASON,
        named=lambda subject: named(subject, visit.people),
        moment=moment,
        now_ms=now_ms,
        standing=standing,
    )
