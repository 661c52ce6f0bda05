"""What a workflow has done so far, activity by activity, as its history tells.

Names, times and failures are read, never what activities were given or gave back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo

from trace_clustering.models import ActivityStep

MAX_STEPS = 500
"""More activities than that are not told one by one; those scheduled first are."""

_MAX_FAILURE_CHARS = 500
_UNDER_WAY = frozenset(
    {
        PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
        PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
    }
)


def steps_of(
    events: Iterable[HistoryEvent],
    pending: Iterable[PendingActivityInfo] = (),
    *,
    has_ended: bool = False,
) -> list[ActivityStep]:
    """The activities of a history in the order they were scheduled.

    An activity gets into the history for good only once it has ended; how those stand that
    have not is told by ``pending``.

    Args:
        has_ended: the workflow; what it left unfinished was given up.
    """
    steps: dict[int, ActivityStep] = {}
    ids: dict[str, int] = {}
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled = event.activity_task_scheduled_event_attributes
            ids[scheduled.activity_id] = event.event_id
            if len(steps) < MAX_STEPS:
                steps[event.event_id] = ActivityStep(scheduled.activity_type.name, "waiting")
        elif event.event_type in _TOLD:
            _tell(steps, event)
    for one in pending:
        number = ids.get(one.activity_id)
        # The history may be read a moment later, and know its end already.
        if number in steps and steps[number].status == "waiting":
            steps[number] = _as_it_stands(steps[number], one)
    return [_given_up(step) if has_ended else step for step in steps.values()]


def _tell(steps: dict[int, ActivityStep], event: HistoryEvent) -> None:
    field, tell = _TOLD[event.event_type]
    told = getattr(event, field)
    step = steps.get(told.scheduled_event_id)
    if step is not None:
        steps[told.scheduled_event_id] = replace(step, **tell(told, _moment(event.event_time)))


def _started(told: Any, at: datetime | None) -> dict[str, Any]:
    return {
        "status": "running",
        "started_at": at,
        "attempt": told.attempt,
        "failure": _reason(told, "last_failure"),
    }


def _done(told: Any, at: datetime | None) -> dict[str, Any]:
    return {"status": "done", "finished_at": at}


def _failed(told: Any, at: datetime | None) -> dict[str, Any]:
    return {"status": "failed", "finished_at": at, "failure": _reason(told, "failure")}


def _cancelled(told: Any, at: datetime | None) -> dict[str, Any]:
    return {"status": "cancelled", "finished_at": at}


_Tell = Callable[[Any, datetime | None], dict[str, Any]]
# By the event, where the history keeps what it says, and what that makes of a step.
_TOLD: Mapping[int, tuple[str, _Tell]] = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: (
        "activity_task_started_event_attributes",
        _started,
    ),
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: (
        "activity_task_completed_event_attributes",
        _done,
    ),
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: ("activity_task_failed_event_attributes", _failed),
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: (
        "activity_task_timed_out_event_attributes",
        _failed,
    ),
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: (
        "activity_task_canceled_event_attributes",
        _cancelled,
    ),
}


def _as_it_stands(step: ActivityStep, pending: PendingActivityInfo) -> ActivityStep:
    is_under_way = pending.state in _UNDER_WAY
    return replace(
        step,
        status="running" if is_under_way else "waiting",
        started_at=_moment(pending.last_started_time) if is_under_way else None,
        attempt=max(pending.attempt, 1),
        failure=_reason(pending, "last_failure"),
    )


def _given_up(step: ActivityStep) -> ActivityStep:
    return replace(step, status="cancelled") if step.status in ("waiting", "running") else step


def _reason(told: Any, field: str) -> str | None:
    """What our own code said, without the wrappings; None where nothing failed."""
    if not told.HasField(field):
        return None
    failure: Failure = getattr(told, field)
    while failure.HasField("cause"):
        failure = failure.cause
    return failure.message[:_MAX_FAILURE_CHARS] or None


def _moment(at: Timestamp) -> datetime | None:
    return at.ToDatetime(UTC) if at.seconds else None
