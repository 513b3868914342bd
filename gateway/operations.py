"""For those who run it: health, the capability's public key, the audit log."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import structlog
from fastapi import APIRouter, Query, Response

from contracts.errors import Unknown
from gateway import cursors
from gateway.asked import AuditFilter
from gateway.auth import Operator, Principal
from gateway.background import cause
from gateway.operator_shapes import AuditPage, Health, Jwk, JwkSet, Readiness
from gateway.parts import Given, Parts
from gateway.ports import AuditQuery, Probe
from gateway.problems import Problem, ProblemType, answers
from gateway.shapes import milliseconds_of
from gateway.views import audit_view

LOG: Final = structlog.get_logger("gateway.operations")
router: Final = APIRouter(tags=["operations"])

_PAGE: Final = 100
_PROBE_SECONDS: Final = 2.0


@router.get(
    "/healthz", summary="Whether the process answers", responses={500: answers(open_to_all=True)[500]}
)
async def healthz() -> Health:
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Whether store, Temporal and keys answer",
    responses={503: {"model": Readiness, "description": "Not ready"}, 500: answers(open_to_all=True)[500]},
)
async def readyz(parts: Given, response: Response) -> Readiness:
    checks = await asyncio.gather(*(_check(name, probe) for name, probe in parts.probes.items()))
    ready = all(state == "ok" for _, state in checks)
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=dict(checks))


async def _check(name: str, probe: Probe) -> tuple[str, Literal["ok", "unavailable"]]:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await probe()
    except Exception as error:
        # Whatever a neighbour's client raises means the same here: it does not answer.
        LOG.warning("not ready", part=name, error=cause(error))
        return name, "unavailable"
    return name, "ok"


@router.get(
    "/.well-known/jwks.json",
    summary="The public key of capabilities, for remote tool services",
    responses={500: answers(open_to_all=True)[500]},
)
async def jwks(parts: Given, response: Response) -> JwkSet:
    """No other purpose's key is served: a service that trusts this set trusts capabilities alone."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return JwkSet(keys=(_jwk(parts.capability_jwk),))


def _jwk(members: Mapping[str, str]) -> Jwk:
    return Jwk(**{name: members[name] for name in Jwk.model_fields})


@router.get(
    "/v1/audit", summary="Read a tenant's audit records, in the order of its chain", responses=answers()
)
async def read_audit(wanted: Annotated[AuditFilter, Query()], operator: Operator, parts: Given) -> AuditPage:
    after = cursors.read_record(wanted.cursor)
    tenant = await _tenant(parts, operator, wanted)
    if tenant is None:
        return AuditPage(records=(), cursor=None)
    query = AuditQuery(
        tenant=tenant,
        env=parts.env,
        run_id=wanted.run_id,
        tool=wanted.tool,
        routes=operator.routes,
        since_ms=None if wanted.since is None else milliseconds_of(wanted.since),
        after=after,
        limit=_PAGE + 1,
    )
    found = await parts.audit.page(query)
    shown = found[:_PAGE]
    cursor = cursors.after_record(shown[-1].seq) if len(found) > _PAGE else None
    return AuditPage(records=tuple(audit_view(record) for record in shown), cursor=cursor)


async def _tenant(parts: Parts, operator: Principal, wanted: AuditFilter) -> str | None:
    """Whose chain is read: the one that is named, the token's, or the run's; None: nobody's."""
    if operator.tenant is not None:
        if wanted.tenant not in (None, operator.tenant):
            raise Problem(ProblemType.FORBIDDEN, "the token is for another tenant", field="tenant")
        return operator.tenant
    if wanted.tenant is not None:
        return wanted.tenant
    if wanted.run_id is None:
        raise Problem(
            ProblemType.INVALID, "name a tenant or a run: each tenant has its own chain", field="tenant"
        )
    try:
        return (await parts.runs.get(wanted.run_id)).tenant
    except Unknown:
        return None
