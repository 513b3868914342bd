"""Undoing a run: a new run, with a warrant that names what it undoes, on the route as it is in force now."""

import secrets
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Response

from contracts import keys
from contracts.decision import Ruling
from contracts.digest import digest
from contracts.errors import Conflict, Malformed, TokenRefused, Undone, Unknown
from contracts.run import ActionRecord, RunRecord
from contracts.tokens import Purpose, Undoes, Warrant
from contracts.tool import Catalogue
from gateway.asked import UndoBody
from gateway.auth import Caller, Principal
from gateway.bodies import StrictRoute
from gateway.parts import Given, Parts
from gateway.ports import NewRun
from gateway.problems import Problem, ProblemType, answers
from gateway.run_shapes import RunShape
from gateway.runs import IdempotencyKey, Visible, accepted
from policies.decide import decide
from policies.route import Route
from policies.seal import sealed
from policies.undo import call_of, chosen

router: Final = APIRouter(route_class=StrictRoute, tags=["runs"])


@router.post(
    "/v1/runs/{run_id}/undo",
    status_code=202,
    summary="Undo a run's writes by a run of its own",
    responses={
        200: {"model": RunShape, "description": "This key started this run before"},
        **answers(400, 404, 409, 415),
    },
)
async def undo_run(
    run: Visible, body: UndoBody, key: IdempotencyKey, caller: Caller, parts: Given, response: Response
) -> RunShape:
    """What is called, and with which arguments, was sealed with each write; each undo is asked about anew."""
    record, new = await _accept(parts, caller, run, body, key)
    return await accepted(parts, record, new, response)


async def _accept(
    parts: Parts, caller: Principal, run: RunRecord, body: UndoBody, key: str
) -> tuple[RunRecord, bool]:
    """The run of this request, and whether it is new."""
    start = {"tenant": run.tenant, "env": run.env, "caller": caller.subject, "key": key}
    behind = {"delegation": list(caller.delegation)} if caller.delegation else {}
    body_digest = digest({"undo": run.run_id, **body.model_dump(), **behind})
    try:
        found = await parts.runs.started(keys.start_hash(**start), body_digest)
        if found is not None:
            return found, False
        warrant, given = await _warrant(parts, caller, run, body, keys.request_id(**start))
        new = NewRun(
            warrant=warrant,
            token=parts.signer.sign(Purpose.WARRANT, warrant.claims()),
            start_hash=keys.start_hash(**start),
            body_digest=body_digest,
            input=given,
        )
        return await parts.runs.accept(new)
    except (_Refused, Undone) as error:
        raise Problem(ProblemType.CONFLICT, error.sentence) from error
    except Conflict as error:
        raise Problem(ProblemType.KEY_REUSED, error.sentence, field="Idempotency-Key") from error


class _Refused(Conflict):
    """The run, or what it did, does not stand so that it can be undone."""


async def _warrant(
    parts: Parts, caller: Principal, run: RunRecord, body: UndoBody, request_id: str
) -> tuple[Warrant, dict[str, object]]:
    """The undo run's warrant and its input, which says the same for readers."""
    actions = await _chosen(parts, run, body.actions)
    try:
        policy_digest, route = await parts.in_force.route(run.route)
    except Unknown as error:
        raise Problem(ProblemType.NOT_FOUND, error.sentence) from error
    catalogue_digest, catalogue = await parts.in_force.catalogue()
    for action in actions:
        _check(parts, action, route, catalogue)
    undoes = Undoes(
        run_id=run.run_id,
        actions=tuple(action.action_id for action in actions),
        reason=body.reason or "",
    )
    named = [action.idempotency_key for action in actions]
    whom = body.on_behalf_of or run.on_behalf_of or next(iter(caller.delegation), None)
    given: dict[str, object] = {"undo": {"run_id": run.run_id, "actions": named, "reason": undoes.reason}}
    warrant = Warrant(
        run_id=f"run_{secrets.token_hex(12)}",
        request_id=request_id,
        caller=caller.subject,
        tenant=run.tenant,
        env=run.env,
        route=run.route,
        on_behalf_of=whom,
        delegation=_behind(parts, run, caller, whom),
        input_digest=digest(given),
        policy_digest=policy_digest,
        catalogue_digest=catalogue_digest,
        budget=route.budgets,
        undoes=undoes,
    )
    return warrant, given


def _behind(parts: Parts, run: RunRecord, caller: Principal, whom: str | None) -> tuple[str, ...]:
    """Whom the run acted for must not become the approver of its undo by being left out."""
    earlier = Warrant.read(parts.verifier.verify(Purpose.WARRANT, run.warrant)).delegation
    chain = (*filter(None, (run.on_behalf_of,)), *earlier, *caller.delegation)
    return tuple(name for name in dict.fromkeys(chain) if name != whom)


async def _chosen(parts: Parts, run: RunRecord, wanted: Sequence[str] | None) -> tuple[ActionRecord, ...]:
    actions, begun = await parts.actions.of_run(run.run_id), await parts.actions.undos(run.run_id)
    try:
        return chosen(run, actions, begun, wanted)
    except Undone:
        raise
    except Conflict as error:
        raise _Refused(error.sentence) from error
    except Malformed as error:
        raise Problem(ProblemType.INVALID, error.sentence, field="/actions") from error


def _check(parts: Parts, action: ActionRecord, route: Route, catalogue: Catalogue) -> None:
    """Raises Problem where the record is not what was sealed, or policy denies the undo."""
    try:
        undo = sealed(parts.verifier, action).undo
    except TokenRefused as error:
        raise Problem(ProblemType.CONFLICT, f"{action.idempotency_key}: {error.sentence}") from error
    if undo is None:
        raise Problem(ProblemType.CONFLICT, f"{action.idempotency_key} has no undo")
    call = call_of(undo, action.action_id, "")
    decision = decide(route, catalogue, call, now_ms=parts.clock.now_ms())
    if decision.ruling is Ruling.DENY:
        why = "; ".join(reason.text for reason in decision.reasons)
        raise Problem(ProblemType.POLICY, f"{action.idempotency_key} cannot be undone by {undo.tool}: {why}")
