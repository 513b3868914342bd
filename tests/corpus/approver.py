"""The person at the card: approves the right call, once, and says no to everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cli import minting
from tests.acceptance.conftest import Waiting, World, of_action
from tests.corpus.scene import Json

ENDS: Final = frozenset({"completed", "stopped", "failed", "cancelled"})
_PATIENCE: Final = 20
"""Seconds that one look at a run waits for it to change."""
_NO: Final = "This is not what the ticket is about."


@dataclass(kw_only=True)
class Approver:
    """One run's."""

    world: World
    #: Tool and exact arguments of what may be approved; None: nothing may.
    right: Json | None
    #: Whether this one approves whatever is asked, to show that the verdict finds it.
    careless: bool = False
    #: What was approved, and what was refused.
    approved: list[Json] = field(default_factory=list)
    refused: list[Json] = field(default_factory=list)

    async def attend(self, run_id: str) -> Json:
        """Answer each question of the run until it has ended; the run."""
        answered: set[str] = set()
        version: int | None = None
        while True:
            run = await self._look(run_id, version)
            version = run["version"]
            asked = [one for one in run["actions"] if one["approval_id"] and not one["outcome"]]
            for action in asked:
                if action["approval_id"] not in answered:
                    answered.add(action["approval_id"])
                    await self._answer(run_id, action)
            if run["state"] in ENDS:
                return run

    async def _look(self, run_id: str, version: int | None) -> Json:
        asked = {} if version is None else {"wait": _PATIENCE, "version": version}
        answer = await self.world.gateway.get(
            f"/v1/runs/{run_id}", params=asked, headers=await self.world.bearer(minting.operator())
        )
        answer.raise_for_status()
        run: Json = answer.json()
        return run

    async def _answer(self, run_id: str, action: Mapping[str, Any]) -> None:
        approval = await self.world.approval(action["approval_id"])
        shown = approval["action"]
        call = {"tool": shown["tool"], "args": shown["arguments"]}
        on = of_action(run_id, shown["target"], action, action["approval_id"])
        if self.careless or (call == self.right and not self.approved):
            self.approved.append(call)
            await self._approve(on, approval["needed"])
        else:
            self.refused.append(call)
            await self._refuse(on)

    async def _approve(self, on: Waiting, needed: int) -> None:
        """One by a decision over HTTP; the second of two by a signature on the full page."""
        answer = await self.world.decide(on, "ada", "approve")
        assert answer.status_code == 200, answer.text
        if needed > 1:
            signed = await self.world.sign(on)
            assert signed.status_code == 303, signed.text

    async def _refuse(self, on: Waiting) -> None:
        answer = await self.world.gateway.post(
            f"/v1/approvals/{on.approval_id}/decision",
            json={"decision": "deny", "action_digest": on.action_digest, "reason": _NO},
            headers=await self.world.bearer(minting.approver("ada")),
        )
        assert answer.status_code == 200, answer.text
