"""What is started on the agents' queue and is no run."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from contracts.attempts import Found
    from contracts.wire import Overheard
    from policies.attempts import found, found_in
    from workflows.listening import gravest, tell


@workflow.defn(dynamic=True)
class Stranger:
    """A workflow under another name than a run's: it is put on record, and fails."""

    @workflow.run
    async def run(self, said: Sequence[RawValue]) -> None:
        info = workflow.info()
        spoken = [
            found(info.workflow_type),
            found(info.workflow_id),
            *(found_in(one.payload.data) for one in said),
        ]
        what: Found | None = gravest(spoken)
        await tell(Overheard(what=what or "unknown", way="start"))
        raise ApplicationError("only runs are started here, and only by the gateway", non_retryable=True)
