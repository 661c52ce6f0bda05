"""What a workflow has done, read from its history: recorded ones, and one on a real Temporal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from temporalio.api.common.v1 import ActivityType, Payload, Payloads
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowHistory

from tests.temporal.record_histories import FOLDER
from tests.temporal.support import Cluster, NoParts, load, mixture
from trace_clustering.models import ActivityStep, ClusteringInputs, CoordinatorInputs
from trace_clustering.temporal.gateway import ScheduleOptions, TemporalGateway
from trace_clustering.temporal.steps import MAX_STEPS, steps_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def recorded(name: str) -> Sequence[HistoryEvent]:
    text = (FOLDER / f"{name}.json").read_text()
    return WorkflowHistory.from_json(name, text).events


def scheduled(number: int, name: str = "draw_map_activity") -> HistoryEvent:
    event = HistoryEvent(event_id=number, event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    told = event.activity_task_scheduled_event_attributes
    told.activity_id = str(number)
    told.activity_type.CopyFrom(ActivityType(name=name))
    return event


def started(number: int, attempt: int = 1, *, failure: str = "") -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    event.event_time.FromDatetime(NOON)
    told = event.activity_task_started_event_attributes
    told.scheduled_event_id, told.attempt = number, attempt
    if failure:
        told.last_failure.CopyFrom(wrapped(failure))
    return event


def wrapped(reason: str) -> Failure:
    return Failure(message="Activity task failed", cause=Failure(message=reason))


def pending(number: int, **told: object) -> PendingActivityInfo:
    return PendingActivityInfo(activity_id=str(number), **told)  # type: ignore[arg-type]


def test_a_run_is_told_step_by_step() -> None:
    steps = steps_of(recorded("completed_with_parts"), has_ended=True)
    assert [step.name for step in steps] == [
        "query_trace_embeddings_activity",
        "sample_embeddings_activity",
        "determine_optimal_k_activity",
        "perform_clustering_activity",
        "build_levels_activity",
        "find_outliers_activity",
        "draw_map_activity",
        "assess_quality_activity",
        "collect_facts_activity",
        "name_groups_activity",
        "emit_cluster_events_activity",
    ]
    assert {(step.status, step.attempt, step.failure) for step in steps} == {("done", 1, None)}
    for step in steps:
        assert step.started_at
        assert step.finished_at
        assert step.started_at <= step.finished_at


def test_a_run_is_told_as_far_as_it_has_come() -> None:
    events = recorded("completed_with_parts")[:34]
    under_way = PendingActivityInfo(
        activity_id=events[31].activity_task_scheduled_event_attributes.activity_id,
        state=PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
        attempt=2,
        last_failure=wrapped("the store was away"),
    )
    under_way.last_started_time.FromDatetime(NOON)
    steps = steps_of(events, [under_way])
    assert [step.status for step in steps] == [*["done"] * 4, "running", "waiting", "waiting"]
    assert steps[4] == ActivityStep(
        "build_levels_activity", "running", NOON, None, 2, "the store was away"
    )


def test_what_has_ended_since_the_workflow_was_asked_has_ended() -> None:
    events = recorded("completed_with_parts")[:8]
    number = events[5].activity_task_scheduled_event_attributes.activity_id
    earlier = PendingActivityInfo(
        activity_id=number, state=PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    )
    (step,) = steps_of(events, [earlier])
    assert step.status == "done"


def test_what_was_not_finished_when_the_workflow_ended_was_given_up() -> None:
    events = [scheduled(5), scheduled(6), started(6)]
    assert [step.status for step in steps_of(events, has_ended=True)] == ["cancelled"] * 2


@pytest.mark.parametrize(
    ("kind", "field", "status"),
    [
        ("FAILED", "failed", "failed"),
        ("TIMED_OUT", "timed_out", "failed"),
        ("CANCELED", "canceled", "cancelled"),
    ],
)
def test_other_ends(kind: str, field: str, status: str) -> None:
    end = HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_ACTIVITY_TASK_{kind}"))
    told = getattr(end, f"activity_task_{field}_event_attributes")
    told.scheduled_event_id = 5
    if status == "failed":
        told.failure.CopyFrom(wrapped("disk full " * 100))
    (step,) = steps_of([scheduled(5), started(5, 4, failure="disk"), end])
    assert (step.status, step.attempt) == (status, 4)
    assert step.failure == ("disk full " * 50 if status == "failed" else "disk")


def test_one_that_waits_for_its_next_attempt() -> None:
    waits = pending(
        5,
        state=PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
        attempt=3,
        last_failure=Failure(message="no answer"),
    )
    (step,) = steps_of([scheduled(5)], [waits, pending(99)])
    assert (step.status, step.attempt, step.failure) == ("waiting", 3, "no answer")
    assert step.started_at is None


def test_what_activities_gave_back_is_not_looked_at() -> None:
    end = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
    told = end.activity_task_completed_event_attributes
    told.scheduled_event_id = 5
    no_json = Payload(metadata={"encoding": b"json/plain"}, data=b"{" * 3_000_000)
    told.result.CopyFrom(Payloads(payloads=[no_json]))
    assert steps_of([scheduled(5), started(5), end])[0].status == "done"


def test_there_is_an_end_to_the_steps() -> None:
    events = [scheduled(number) for number in range(MAX_STEPS + 3)]
    late = [started(MAX_STEPS + 1), started(12345)]
    steps = steps_of([*events, *late], [pending(MAX_STEPS + 2)])
    assert len(steps) == MAX_STEPS


@pytest.mark.anyio
async def test_the_gateway_tells_the_steps_of_a_run(cluster: Cluster, team_id: int) -> None:
    load(cluster.store, team_id, mixture(60, 4, 3))
    options = ScheduleOptions(1, CoordinatorInputs())
    gateway = TemporalGateway(cluster.client, options, task_queue=cluster.task_queue)
    workflow_id = await gateway.start_run(ClusteringInputs(team_id))
    assert (await gateway.state(workflow_id)).steps == []
    async with cluster.worker(parts=NoParts(cluster.store)):
        while (state := await gateway.state(workflow_id)).status == "running":
            await asyncio.sleep(0.05)
    by_name = {step.name: step for step in state.steps}
    assert (len(by_name), state.status) == (11, "completed")
    assert by_name["draw_map_activity"].status == "failed"
    assert by_name["draw_map_activity"].failure == "not here"
    assert by_name["emit_cluster_events_activity"].status == "done"
    every = await gateway.start_coordinator(CoordinatorInputs())
    assert (await gateway.state(every)).steps == []
    await cluster.client.get_workflow_handle(every).terminate()
