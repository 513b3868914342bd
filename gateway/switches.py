"""Kill switches over HTTP: set by operators with a reason."""

from typing import Annotated, Final

from fastapi import APIRouter, Path

from gateway.asked import SwitchBody
from gateway.auth import Operator
from gateway.bodies import StrictRoute
from gateway.operator_shapes import SwitchList, SwitchShape
from gateway.parts import Given
from gateway.problems import Problem, ProblemType, answers
from gateway.shapes import milliseconds_of
from gateway.views import switch_view
from policies.switches import SCOPE

router: Final = APIRouter(route_class=StrictRoute, tags=["switches"])

SwitchScope = Annotated[
    str, Path(description="`all`, `tool:NAME`, `tenant:NAME` or `route:NAME`", pattern=SCOPE)
]


@router.get("/v1/switches", summary="List kill switches", responses=answers())
async def list_switches(operator: Operator, parts: Given) -> SwitchList:
    now = parts.clock.now_ms()
    found = await parts.switches.list(parts.env)
    return SwitchList(
        switches=tuple(switch_view(switch, now) for switch in found if operator.reach.may_see(switch.scope))
    )


@router.put("/v1/switches/{scope:path}", summary="Stop or resume", responses=answers(400, 404, 415))
async def set_switch(scope: SwitchScope, body: SwitchBody, operator: Operator, parts: Given) -> SwitchShape:
    """Stopped, nothing in the scope reads or writes; its runs are halted, and carry on when it is lifted."""
    if not operator.reach.may_set(scope):
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
    caution = await parts.in_force.caution(scope) if body.stopped else ""
    return switch_view(switch, parts.clock.now_ms(), caution)
