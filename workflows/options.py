"""How each activity is called: queue, time-outs, retries. Never a retry policy on the workflow itself."""

from datetime import timedelta
from typing import Final, TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from contracts import names


class ActivityOptions(TypedDict):
    """Keyword arguments of ``workflow.execute_activity``."""

    task_queue: str
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


def _options(queue: str, seconds: int) -> ActivityOptions:
    return ActivityOptions(
        task_queue=queue,
        start_to_close_timeout=timedelta(seconds=seconds),
        heartbeat_timeout=timedelta(seconds=10),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=200),
            backoff_coefficient=2.0,
            maximum_interval=timedelta(seconds=15),
        ),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


AGENT: Final = _options(names.AGENT_QUEUE, 180)
BROKER: Final = _options(names.BROKER_QUEUE, 30)
TOOLS: Final = _options(names.TOOLS_QUEUE, 180)
