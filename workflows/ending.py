"""How a run breaks off: cancelled, or failed by an activity that gave up."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from contracts.run import RunState
    from contracts.wire import Ending


def heed_cancellation() -> None:
    """End the run here where it was cancelled.

    The SDK gives an activity that answers all the same, or a wake-up in the same task, the error's place; and
    a new history would not know of the cancellation. Raises CancelledError.
    """
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


def breaks_off(error: BaseException) -> bool:
    """Whether the run ends on it; anything else is a mistake in the workflow, or the SDK's own."""
    return is_cancelled_exception(error) or isinstance(error, ActivityError)


def broken_off(error: BaseException) -> Ending:
    """What the run ends as; whatever failed under a cancellation was cancelled."""
    reason = workflow.cancellation_reason()
    if reason is not None or is_cancelled_exception(error):
        return Ending(state=RunState.CANCELLED, text=reason or "")
    cause = getattr(error, "cause", None)
    return Ending(state=RunState.FAILED, text=getattr(cause, "message", "") or str(error))
