"""Whose run this is: nobody takes the workflow's word for it."""

from dataclasses import dataclass

from temporalio import activity

from contracts.digest import digest_bytes
from contracts.errors import TokenRefused, Unavailable
from contracts.ports import Executions, Runs
from contracts.run import RunRecord, WarrantedRun
from contracts.tokens import Purpose, Verifier, Warrant


@dataclass(frozen=True, kw_only=True)
class Warrants:
    """Verifies that the calling workflow is the run that its recorded warrant names."""

    runs: Runs
    verifier: Verifier
    #: None: this process has no Temporal client; its capability was minted after the check.
    executions: Executions | None = None

    async def current(self, *, ended: bool = False) -> WarrantedRun:
        """The run of the activity that is being executed; an ended one only where that is said to be fine.

        Raises:
            Unknown: no such run was accepted.
            TokenRefused: its warrant does not hold, or this execution is not the recorded one.
            Unavailable: the gateway has not recorded the execution yet.
        """
        info = activity.info()
        record = await self.runs.get(info.workflow_id or "")
        if record.state.ended and not ended:
            raise TokenRefused("the run has ended")
        run = self._verified(record)
        if self.executions is not None:
            await self._check_execution(self.executions, record, info.workflow_run_id or "")
        return run

    def _verified(self, record: RunRecord) -> WarrantedRun:
        warrant = Warrant.read(self.verifier.verify(Purpose.WARRANT, record.warrant))
        told = (record.run_id, record.tenant, record.env, record.route, record.policy_digest)
        if told != (warrant.run_id, warrant.tenant, warrant.env, warrant.route, warrant.policy_digest):
            raise TokenRefused("the run's row does not say what its warrant says")
        return WarrantedRun(
            warrant=warrant, warrant_digest=digest_bytes(record.warrant.encode()), record=record
        )

    async def _check_execution(self, executions: Executions, record: RunRecord, execution: str) -> None:
        if record.first_execution is None:
            raise Unavailable("the gateway has not recorded this execution yet")
        if await executions.first_execution(record.run_id, execution) != record.first_execution:
            raise TokenRefused("this execution is not the one that the gateway started")
