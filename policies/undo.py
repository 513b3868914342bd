"""Which writes of a run are undone, by which calls, and in which order; and what is refused."""

from collections.abc import Mapping, Sequence
from typing import Final

from contracts.action import Undo
from contracts.decision import Call
from contracts.digest import Json, exact
from contracts.errors import Conflict, Malformed, Undone
from contracts.run import ActionRecord, Outcome, RunRecord, UndoRecord
from contracts.tool import Catalogue, pointed
from policies.arguments import fault

LIMIT: Final = 16
"""Actions that one run undoes: the calls of one turn."""


def offered(catalogue: Catalogue, tool: str | None, arguments: Json) -> Undo | None:
    """A write's undo as it is frozen; None where the catalogue's undo tool cannot be called with that."""
    spec = None if tool is None else catalogue.tools.get(tool)
    if spec is None or arguments is None or spec.target is None or not spec.effect.writes:
        return None
    try:
        exact(arguments)
        pointed(arguments, spec.target)
    except Malformed:
        return None
    return Undo(tool=spec.name, arguments=arguments) if fault(spec.schema, arguments) is None else None


def standing(begun: Sequence[UndoRecord]) -> Mapping[str, UndoRecord]:
    """By action: the undo of it that stands, the newest where there are several."""
    return {one.action_id: one for one in begun if one.stands}


def chosen(
    run: RunRecord,
    actions: Sequence[ActionRecord],
    begun: Sequence[UndoRecord],
    keys: Sequence[str] | None,
) -> tuple[ActionRecord, ...]:
    """The actions to undo, the last one first. ``keys``: their idempotency keys; None: all that can be.

    Raises:
        Conflict: the run has not ended, an outcome is unknown, or there is nothing to undo.
        Undone: an undo of one stands already.
        Malformed: a key names no write of the run that succeeded and has an undo.
    """
    if not run.state.ended:
        raise Conflict(f"the run has not ended ({run.state}): wait for its end, or cancel it first")
    found = _all(run, actions, standing(begun)) if keys is None else _named(run, actions, begun, keys)
    if len(found) > LIMIT:
        raise Conflict(f"{len(found)} actions are too many for one run: name at most {LIMIT}, the last first")
    return tuple(sorted(found, key=lambda action: (action.step, action.place), reverse=True))


def _all(
    run: RunRecord, actions: Sequence[ActionRecord], undone: Mapping[str, UndoRecord]
) -> list[ActionRecord]:
    for action in actions:
        _settled(action)
    able = [action for action in actions if action.outcome is Outcome.SUCCEEDED and has_undo(action)]
    left = [action for action in able if action.action_id not in undone]
    if able and not left:
        by = ", ".join(dict.fromkeys(undone[action.action_id].run_id for action in able))
        raise Undone(f"everything of run {run.run_id} that can be undone is, or is being, undone by run {by}")
    if not left:
        raise Conflict(f"run {run.run_id} wrote nothing that has an undo")
    return left


def _named(
    run: RunRecord, actions: Sequence[ActionRecord], begun: Sequence[UndoRecord], keys: Sequence[str]
) -> list[ActionRecord]:
    by_key = {action.idempotency_key: action for action in actions if action.idempotency_key is not None}
    undone, found = standing(begun), []
    for key in dict.fromkeys(keys):
        action = by_key.get(key)
        if action is None:
            raise Malformed(f"run {run.run_id} has no write with the key {key}")
        _settled(action)
        if action.outcome is not Outcome.SUCCEEDED:
            raise Malformed(f"{key} was not done ({action.outcome}), so there is nothing to undo")
        if not has_undo(action):
            raise Malformed(f"{key} has no undo: {action.tool} names none, or none that brings this back")
        if (other := undone.get(action.action_id)) is not None:
            state = "was undone" if other.outcome is Outcome.SUCCEEDED else "is being undone"
            raise Undone(f"{key} {state} by run {other.run_id}")
        found.append(action)
    return found


def _settled(action: ActionRecord) -> None:
    if action.outcome is Outcome.UNKNOWN:
        raise Conflict(
            f"nobody knows yet whether {action.idempotency_key} happened: say it first, with"
            f" `interlock approvals decide {action.reconciliation_id or 'ID'} --did` or `--did-not`"
        )


def has_undo(action: ActionRecord) -> bool:
    """Whether its frozen record names the call that undoes it."""
    return bool(action.frozen and action.frozen.get("undo"))


def call_of(undo: Undo, action_id: str, words: str) -> Call:
    """The call by which an undo run proposes it."""
    return Call(tool=undo.tool, arguments=undo.arguments, words=words, call_id=f"undo:{action_id}")
