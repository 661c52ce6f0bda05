"""What the HTTP service asks of Temporal: start, watch and cancel runs; the schedule."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.client import (
    Client,
    ScheduleHandle,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from trace_clustering import constants as c
from trace_clustering.errors import NotFoundError, ServiceError
from trace_clustering.inputs import format_time
from trace_clustering.models import (
    ActivityStep,
    ClusteringInputs,
    CoordinatorInputs,
    RunStatus,
    ScheduleName,
    WorkflowState,
)
from trace_clustering.models.summarization import (
    SummarizationCoordinatorInputs,
    SummarizationInputs,
)
from trace_clustering.temporal.failures import root_cause
from trace_clustering.temporal.schedule import (
    ScheduleChange,
    create_trace_clustering_coordinator_schedule,
    create_trace_summarization_schedule,
)
from trace_clustering.temporal.steps import steps_of

_STATUS: dict[WorkflowExecutionStatus, RunStatus] = {
    WorkflowExecutionStatus.RUNNING: "running",
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "cancelled",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
    WorkflowExecutionStatus.CONTINUED_AS_NEW: "running",
}

_OURS = (
    c.WORKFLOW_NAME,
    c.COORDINATOR_WORKFLOW_NAME,
    c.SUMMARIZATION_WORKFLOW_NAME,
    c.SUMMARIZATION_COORDINATOR_NAME,
)

# What they do is few enough to be told step by step.
_OF_ONE_TEAM = (c.WORKFLOW_NAME, c.SUMMARIZATION_WORKFLOW_NAME)

_SCHEDULES: dict[ScheduleName, str] = {
    "clustering": c.COORDINATOR_SCHEDULE_ID,
    "summarization": c.SUMMARIZATION_SCHEDULE_ID,
}


@dataclass(frozen=True)
class ScheduleOptions:
    """What the schedules are created with; the clustering's as the contract names it."""

    interval_days: int
    inputs: CoordinatorInputs
    summary_interval_minutes: int = c.DEFAULT_SUMMARY_INTERVAL_MINUTES
    summary_quiet_minutes: int = c.DEFAULT_SUMMARY_QUIET_MINUTES


class TemporalGateway:
    """Temporal as the HTTP service sees it.

    Args:
        client: connected.
        task_queue: that the workers poll.
        schedule: what the schedule should be like.
    """

    def __init__(
        self, client: Client, schedule: ScheduleOptions, *, task_queue: str = c.TASK_QUEUE
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._schedule_options = schedule

    async def start_run(self, inputs: ClusteringInputs) -> str:
        """Start clustering one team; returns the workflow's id."""
        started = datetime.now(UTC)
        async with _Errors():
            handle = await self._client.start_workflow(
                c.WORKFLOW_NAME,
                inputs,
                id=f"trace-clustering-team-{inputs.team_id}-{started.isoformat()}",
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                execution_timeout=c.WORKFLOW_EXECUTION_TIMEOUT,
            )
        return handle.id

    async def start_coordinator(self, inputs: CoordinatorInputs) -> str:
        """Start the coordinator now, beside its schedule; returns the workflow's id."""
        async with _Errors():
            handle = await self._client.start_workflow(
                c.COORDINATOR_WORKFLOW_NAME,
                inputs,
                id=f"{c.COORDINATOR_WORKFLOW_NAME}-manual-{datetime.now(UTC).isoformat()}",
                task_queue=self._task_queue,
            )
        return handle.id

    async def start_summarization(self, team_id: int | None, *, now: bool) -> str:
        """Start summarizing a team's traces, or all teams'; returns the workflow's id.

        Args:
            now: take those on too that have not been quiet for long enough.
        """
        quiet = 0 if now else self._schedule_options.summary_quiet_minutes * 60
        if team_id is None:
            name, whose = c.SUMMARIZATION_COORDINATOR_NAME, "manual"
            teams = self._schedule_options.inputs.max_concurrent_teams
            inputs: object = SummarizationCoordinatorInputs(quiet, teams)
        else:
            name, whose = c.SUMMARIZATION_WORKFLOW_NAME, f"team-{team_id}"
            inputs = SummarizationInputs(team_id, quiet)
        workflow_id = f"{name}-{whose}-{datetime.now(UTC).isoformat()}"
        async with _Errors():
            handle = await self._client.start_workflow(
                name, inputs, id=workflow_id, task_queue=self._task_queue
            )
        return handle.id

    async def state(self, workflow_id: str, run_id: str | None = None) -> WorkflowState:
        """How a workflow of this product stands; the latest run of its id, or ``run_id``.

        Raises:
            NotFoundError: Temporal knows no such workflow (any more).
        """
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        found = await self._describe(handle)
        status = _STATUS.get(found.status or WorkflowExecutionStatus.RUNNING, "running")
        result, failure = None, None
        if status in ("completed", "failed"):
            async with _Errors():
                try:
                    result = await handle.result()
                except WorkflowFailureError as error:
                    failure = root_cause(error)
        return WorkflowState(
            workflow_id=workflow_id,
            status=status,
            started_at=found.start_time,
            closed_at=found.close_time,
            activities=_pending(found),
            result=result,
            failure=failure,
            steps=await _steps(handle, found, has_ended=status != "running"),
        )

    async def cancel(self, workflow_id: str) -> None:
        """Ask a workflow to end.

        Raises:
            NotFoundError: Temporal knows no such workflow, or it has ended.
        """
        handle = self._client.get_workflow_handle(workflow_id)
        not_running = f"no running workflow {workflow_id!r}"
        found = await self._describe(handle)
        if found.status != WorkflowExecutionStatus.RUNNING:
            raise NotFoundError(not_running)
        async with _Errors(not_running):
            await handle.cancel()

    async def ensure_schedule(self, which: ScheduleName = "clustering") -> ScheduleChange:
        """Create a schedule, or bring it up to date."""
        if which == "summarization":
            return await self._ensure_summarization_schedule()
        inputs = asdict(self._schedule_options.inputs)
        inputs.pop("progress")
        async with _Errors():
            return await create_trace_clustering_coordinator_schedule(
                self._client,
                interval_days=self._schedule_options.interval_days,
                task_queue=self._task_queue,
                **inputs,
            )

    async def _ensure_summarization_schedule(self) -> ScheduleChange:
        async with _Errors():
            return await create_trace_summarization_schedule(
                self._client,
                self._schedule_options.summary_interval_minutes,
                self._schedule_options.summary_quiet_minutes,
                max_concurrent_teams=self._schedule_options.inputs.max_concurrent_teams,
                task_queue=self._task_queue,
            )

    async def describe_schedule(self, which: ScheduleName = "clustering") -> dict[str, Any]:
        """A schedule as it is.

        Raises:
            NotFoundError: there is none.
        """
        async with _schedule_errors(which):
            found = await self._schedule(which).describe()
        schedule, info = found.schedule, found.info
        return {
            "id": found.id,
            "paused": schedule.state.paused,
            "note": schedule.state.note,
            "interval_days": [i.every.total_seconds() / 86400 for i in schedule.spec.intervals],
            "next_runs": [format_time(moment) for moment in info.next_action_times[:3]],
            "recent_runs": [format_time(r.started_at) for r in info.recent_actions[-5:]],
            "runs": info.num_actions,
            "missed": info.num_actions_missed_catchup_window,
            "skipped_overlap": info.num_actions_skipped_overlap,
        }

    async def pause_schedule(
        self, note: str | None = None, which: ScheduleName = "clustering"
    ) -> None:
        async with _schedule_errors(which):
            await self._schedule(which).pause(note=note or "paused")

    async def resume_schedule(self, which: ScheduleName = "clustering") -> None:
        async with _schedule_errors(which):
            await self._schedule(which).unpause(note="resumed")

    async def trigger_schedule(self, which: ScheduleName = "clustering") -> None:
        """Start the scheduled coordinator now, unless it is running."""
        async with _schedule_errors(which):
            await self._schedule(which).trigger()

    async def delete_schedule(self, which: ScheduleName = "clustering") -> None:
        async with _schedule_errors(which):
            await self._schedule(which).delete()

    async def _describe(self, handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionDescription:
        """Describe a workflow of ours; others of the namespace are nobody's business here."""
        unknown = f"no workflow {handle.id!r}"
        async with _Errors(unknown):
            found = await handle.describe()
        if found.workflow_type not in _OURS:
            raise NotFoundError(unknown)
        return found

    def _schedule(self, which: ScheduleName) -> ScheduleHandle:
        return self._client.get_schedule_handle(_SCHEDULES[which])


def _schedule_errors(which: ScheduleName) -> _Errors:
    return _Errors(
        f"there is no schedule of the {which}; "
        f"create it with `trace-clustering schedule create --of {which}`"
    )


class _Errors:
    """Turns Temporal's answers into this package's errors."""

    def __init__(self, not_found: str = "Temporal knows nothing of it") -> None:
        self._not_found = not_found

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, RPCError):
            return
        if error.status == RPCStatusCode.NOT_FOUND:
            raise NotFoundError(self._not_found) from error
        raise ServiceError(f"Temporal: {error.message}") from error


async def _steps(
    handle: WorkflowHandle[Any, Any], found: WorkflowExecutionDescription, *, has_ended: bool
) -> list[ActivityStep]:
    if found.workflow_type not in _OF_ONE_TEAM:
        return []
    async with _Errors():
        events = [event async for event in handle.fetch_history_events()]
    pending = found.raw_description.pending_activities
    return steps_of(events, pending, has_ended=has_ended)


def _pending(found: WorkflowExecutionDescription) -> list[dict[str, Any]]:
    return [
        {
            "activity": pending.activity_type.name,
            "attempt": pending.attempt,
            "last_failure": pending.last_failure.message or None,
        }
        for pending in found.raw_description.pending_activities
    ]
