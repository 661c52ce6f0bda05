"""How workflows run activities: watched by heartbeats, tried again where it helps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from trace_clustering import constants as c
    from trace_clustering.temporal.names import NOT_RETRIED

RETRY_POLICY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=c.MAX_ACTIVITY_ATTEMPTS,
    non_retryable_error_types=list(NOT_RETRIED),
)


async def run_activity(
    name: str,
    arg: object,
    result: type | None,
    timeout: timedelta,
    *,
    within: timedelta | None = None,
    cancellation_type: workflow.ActivityCancellationType = (
        workflow.ActivityCancellationType.TRY_CANCEL
    ),
) -> Any:
    """Run an activity as all of ours are run.

    Args:
        timeout: of one attempt.
        within: of all attempts together, waiting among them.
    """
    return await workflow.execute_activity(
        name,
        arg,
        cancellation_type=cancellation_type,
        result_type=result,
        start_to_close_timeout=timeout,
        schedule_to_close_timeout=within,
        heartbeat_timeout=c.HEARTBEAT_TIMEOUT,
        retry_policy=RETRY_POLICY,
    )
