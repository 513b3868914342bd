"""Kill switches over HTTP: set by operators with a reason."""

from typing import Annotated, Final

from fastapi import APIRouter, Path

from gateway.asked import SwitchBody
from gateway.auth import Operator, Principal
from gateway.bodies import StrictRoute
from gateway.operator_shapes import SwitchList, SwitchShape
from gateway.parts import Given
from gateway.problems import Problem, ProblemType, answers
from gateway.shapes import milliseconds_of
from gateway.views import switch_view

router: Final = APIRouter(route_class=StrictRoute, tags=["switches"])

_SCOPE: Final = (
    r"^(all|tenant:[a-z0-9][a-z0-9-]{0,62}|route:[a-z0-9][a-z0-9_/-]{0,198}"
    r"|tool:[A-Za-z0-9][A-Za-z0-9_.:/-]{0,198})$"
)
SwitchScope = Annotated[
    str, Path(description="`all`, `tool:NAME`, `tenant:NAME` or `route:NAME`", pattern=_SCOPE)
]


@router.get("/v1/switches", summary="List kill switches", responses=answers())
async def list_switches(operator: Operator, parts: Given) -> SwitchList:
    now = parts.clock.now_ms()
    found = await parts.switches.list(parts.env)
    return SwitchList(
        switches=tuple(switch_view(switch, now) for switch in found if may_see(operator, switch.scope))
    )


@router.put("/v1/switches/{scope:path}", summary="Stop or resume", responses=answers(400, 415))
async def set_switch(scope: SwitchScope, body: SwitchBody, operator: Operator, parts: Given) -> SwitchShape:
    """Stopped, nothing in the scope reads or writes; its runs are halted, and carry on when it is lifted."""
    if not may_set(operator, scope):
        raise Problem(ProblemType.FORBIDDEN, f"the token does not reach {scope}", field="scope")
    until_ms = None if body.until is None else milliseconds_of(body.until)
    if until_ms is not None and (not body.stopped or until_ms <= parts.clock.now_ms()):
        raise Problem(
            ProblemType.INVALID,
            "until is a time to come, at which what is stopped carries on",
            field="/until",
        )
    switch = await parts.switches.set(
        env=parts.env,
        scope=scope,
        stopped=body.stopped,
        reason=body.reason,
        actor=operator.subject,
        until_ms=until_ms,
    )
    if not body.stopped:
        parts.resumer.poke()
    return switch_view(switch, parts.clock.now_ms())


def may_set(operator: Principal, scope: str) -> bool:
    """Nobody stops or resumes more than the token reaches: a tenant's operator no other tenant's runs."""
    kind, _, name = scope.partition(":")
    if kind == "tenant":
        return operator.routes is None and operator.tenant in (None, name)
    if operator.tenant is not None:
        return False
    return operator.routes is None or (kind == "route" and name in operator.routes)


def may_see(operator: Principal, scope: str) -> bool:
    """All but the switches of other tenants."""
    kind, _, name = scope.partition(":")
    return kind != "tenant" or operator.tenant in (None, name)
