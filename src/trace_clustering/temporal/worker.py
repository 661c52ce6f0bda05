"""The worker: what runs workflows and activities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from trace_clustering import __version__
from trace_clustering.constants import TASK_QUEUE
from trace_clustering.temporal.coordinator import TraceClusteringCoordinatorWorkflow
from trace_clustering.temporal.summarization_coordinator import (
    TraceSummarizationCoordinatorWorkflow,
)
from trace_clustering.temporal.summarization_workflow import TraceSummarizationWorkflow
from trace_clustering.temporal.workflow import DailyTraceClusteringWorkflow

# What these would add to every message, our lines carry as fields of their own.
workflow.logger.workflow_info_on_message = False
activity.logger.activity_info_on_message = False

WORKFLOWS = [
    DailyTraceClusteringWorkflow,
    TraceClusteringCoordinatorWorkflow,
    TraceSummarizationWorkflow,
    TraceSummarizationCoordinatorWorkflow,
]

# Long enough for an activity that is about to end, short enough for an orchestrator.
GRACEFUL_SHUTDOWN = timedelta(seconds=5)


def workflow_runner() -> SandboxedWorkflowRunner:
    """A sandbox that takes this package's pure modules as they are, loaded once."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules("trace_clustering")
    return SandboxedWorkflowRunner(restrictions=restrictions)


def build_worker(
    client: Client,
    activities: Sequence[Callable[..., object]],
    *,
    max_concurrent_activities: int,
    task_queue: str = TASK_QUEUE,
) -> Worker:
    """A worker for all workflows and these activities; run it with ``async with``."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=activities,
        activity_executor=ThreadPoolExecutor(max_concurrent_activities, "activity"),
        max_concurrent_activities=max_concurrent_activities,
        workflow_runner=workflow_runner(),
        graceful_shutdown_timeout=GRACEFUL_SHUTDOWN,
        # A worker that is killed is noticed by its silence: beat well within the timeout.
        max_heartbeat_throttle_interval=timedelta(seconds=5),
        # Hashing every loaded module for an id of its own takes seconds.
        build_id=f"trace-clustering-{__version__}",
    )
