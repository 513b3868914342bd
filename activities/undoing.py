"""What an undo run proposes: the calls that were sealed with the writes that it undoes. No model is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.action import Frozen, Original, Undo
from contracts.decision import Call
from contracts.digest import digest
from contracts.errors import PermissionRefused
from contracts.ports import Actions
from contracts.run import ActionRecord, Outcome, WarrantedRun
from contracts.tokens import Undoes, Verifier
from contracts.transcript import ModelTurn
from policies.seal import sealed
from policies.undo import call_of


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """Reads what a warrant says is undone, from records whose seals hold and no others."""

    verifier: Verifier
    actions: Actions

    async def turn(self, run: WarrantedRun, undoes: Undoes, step: int) -> ModelTurn:
        """All calls in the first turn; then the end, which says what came of them."""
        originals = await self.actions.of_run(undoes.run_id)
        if step > 1:
            own = await self.actions.of_run(run.warrant.run_id)
            return ModelTurn(text=said(undoes, originals, own))
        return ModelTurn(text="", calls=tuple(self._calls(run, undoes, originals)))

    async def original(self, run: WarrantedRun, action: ActionRecord) -> Original | None:
        """What this write undoes; None in a run that undoes nothing.

        Raises:
            PermissionRefused: an undo run's action is not the undo of what its warrant names in this place.
        """
        undoes = run.warrant.undoes
        if undoes is None:
            return None
        if action.step != 1 or action.place >= len(undoes.actions):
            raise PermissionRefused("this run undoes what its warrant names, and does nothing else")
        originals = await self.actions.of_run(undoes.run_id)
        frozen, undo = self._undo(run, undoes.actions[action.place], originals)
        if (undo.tool, digest(undo.arguments)) != (action.tool, digest(action.arguments)):
            raise PermissionRefused("this is not the call that was sealed as the undo")
        return Original(
            run_id=frozen.run_id, action_id=frozen.action_id, tool=frozen.tool, target=frozen.target
        )

    def _calls(self, run: WarrantedRun, undoes: Undoes, originals: Sequence[ActionRecord]) -> Sequence[Call]:
        found = ((name, self._undo(run, name, originals)) for name in undoes.actions)
        return [call_of(undo, name, undoes.reason) for name, (_, undo) in found]

    def _undo(
        self, run: WarrantedRun, action_id: str, originals: Sequence[ActionRecord]
    ) -> tuple[Frozen, Undo]:
        """The sealed record of an action of the same tenant, environment and route, and its undo."""
        action = next((one for one in originals if one.action_id == action_id), None)
        if action is None or action.outcome is not Outcome.SUCCEEDED:
            raise PermissionRefused(f"{action_id} is no action that was done")
        frozen, warrant = sealed(self.verifier, action), run.warrant
        if (frozen.tenant, frozen.env, frozen.route) != (warrant.tenant, warrant.env, warrant.route):
            raise PermissionRefused(f"{action_id} is of another tenant, environment or route")
        if frozen.undo is None:
            raise PermissionRefused(f"{action_id} has no undo")
        return frozen, frozen.undo


def said(undoes: Undoes, originals: Sequence[ActionRecord], own: Sequence[ActionRecord]) -> str:
    """What was undone and what was not, for people."""
    named = {action.action_id: _named(action) for action in originals}
    done = sum(action.outcome is Outcome.SUCCEEDED for action in own)
    lines = [f"{done} of {len(undoes.actions)} actions of run {undoes.run_id} undone."]
    return "\n".join([*lines, *(_line(named[undoes.actions[action.place]], action) for action in own)])


def _line(named: str, action: ActionRecord) -> str:
    if action.outcome is Outcome.SUCCEEDED:
        return f"Undone: {named}, by {action.tool}."
    why = f": {action.outcome_text}" if action.outcome_text else ""
    return f"Not undone: {named}, by {action.tool} ({action.outcome}{why})."


def _named(action: ActionRecord) -> str:
    return f"{action.tool} {action.frozen['target']}" if action.frozen else action.tool
