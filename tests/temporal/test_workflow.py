"""The workflow ``daily-trace-clustering`` on a real Temporal and a real ClickHouse engine."""

from __future__ import annotations

import dataclasses
import logging
import re
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError

from tests.temporal.support import (
    Cluster,
    NoParts,
    documents,
    history_events,
    load,
    mixture,
    payload_sizes,
)
from trace_clustering.constants import WORKFLOW_NAME
from trace_clustering.errors import StoreError, StoreRefusedError
from trace_clustering.inputs import format_time
from trace_clustering.models import ClusteringInputs
from trace_clustering.store import Store

pytestmark = pytest.mark.anyio

EVENT_TYPES = {
    "$ai_clustering_version": str,
    "$ai_clustering_run_id": str,
    "$ai_team_id": int,
    "$ai_timestamp": str,
    "$ai_window_start": str,
    "$ai_window_end": str,
    "$ai_total_traces_analyzed": int,
    "$ai_sampled_traces_count": int,
    "$ai_optimal_k": int,
    "$ai_silhouette_score": float,
    "$ai_inertia": float,
    "$ai_clusters": list,
}
OUTPUT_KEYS = {
    "clustering_run_id",
    "team_id",
    "traces_analyzed",
    "sampled_traces",
    "optimal_k",
    "silhouette_score",
    "clusters",
    "duration_seconds",
}


async def test_a_run_emits_the_event_of_the_contract(cluster: Cluster, team_id: int) -> None:
    load(cluster.store, team_id, mixture(300))
    output = await cluster.run([str(team_id)])

    assert output.keys() >= OUTPUT_KEYS
    assert re.fullmatch(
        rf"team_{team_id}_\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", output["clustering_run_id"]
    )
    assert (output["traces_analyzed"], output["sampled_traces"]) == (300, 300)
    assert (output["optimal_k"], output["status"]) == (4, "completed")
    sizes = [one["size"] for one in output["clusters"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(sizes) == 300

    event = cluster.event(team_id, output["clustering_run_id"])
    assert {name: type(event[name]) for name in EVENT_TYPES} == EVENT_TYPES
    assert event["$ai_clustering_version"] == "v1"
    assert [one["cluster_id"] for one in event["$ai_clusters"]] == [0, 1, 2, 3]
    assert [one["size"] for one in event["$ai_clusters"]] == sizes
    ids = [trace for one in event["$ai_clusters"] for trace in one["trace_ids"]]
    assert sorted(ids) == [document.document_id for document in documents(300)]
    assert [one["k"] for one in event["$ai_scores_by_k"]] == [3, 4, 5, 6]
    assert event["$ai_timestamp"] in event["$ai_clustering_run_id"]
    # Nobody has to wait who looks at its traces first.
    (gathered,) = cluster.store._database.select(
        "SELECT count() AS n FROM clustering_traces WHERE team_id = {team_id:Int64}",
        team_id=team_id,
    )
    assert gathered["n"] == 300


async def test_the_log_lines_of_the_contract(
    cluster: Cluster, team_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    load(cluster.store, team_id, mixture(100))
    caplog.set_level(logging.INFO)
    output = await cluster.run([team_id])
    lines = [record for record in caplog.records if hasattr(record, "team_id")]
    messages = [record.getMessage() for record in lines]
    expected = ["Starting trace clustering", *(f"Testing k={k}" for k in (3, 4, 5, 6))]
    expected += ["Optimal k determined: 4", "Clustering completed"]
    assert [message for message in messages if message in expected] == expected
    for record in lines[1:]:
        fields = vars(record)
        assert (fields["team_id"], fields["run_id"]) == (team_id, output["clustering_run_id"])
        assert record.name == "temporalio.workflow" or fields["activity"].endswith("_activity")


@pytest.mark.parametrize("shape", ["list", "object", "dataclass", "number"])
async def test_all_shapes_of_inputs_are_accepted(
    cluster: Cluster, team_id: int, shape: str
) -> None:
    load(cluster.store, team_id, mixture(60, 4, 3))
    inputs = ClusteringInputs(team_id, lookback_days=2, max_samples=50)
    arguments: dict[str, Any] = {
        "list": [str(team_id), 2, 50],
        "object": {"team_id": team_id, "lookback_days": 2, "max_samples": 50},
        "dataclass": inputs,
        "number": team_id,
    }
    output = await cluster.run(arguments[shape])
    assert output["team_id"] == team_id
    assert output["sampled_traces"] == (60 if shape == "number" else 50)


async def test_several_arguments_are_taken_like_a_list(cluster: Cluster, team_id: int) -> None:
    async with cluster.worker():
        for arguments, outcome in (([str(team_id), 3], "skipped"), (["1", "x"], "lookback_days")):
            handle = await cluster.client.start_workflow(
                WORKFLOW_NAME, args=arguments, id=str(uuid.uuid4()), task_queue=cluster.task_queue
            )
            if outcome == "skipped":
                assert (await handle.result())["status"] == "skipped"
            else:
                with pytest.raises(WorkflowFailureError) as failed:
                    await handle.result()
                assert outcome in str(failed.value.cause)


@pytest.mark.parametrize(
    ("argument", "field"),
    [
        ([], "team_id"),
        (None, "team_id"),
        ({"team_id": 1, "min_k": 1}, "min_k"),
        ({"team_id": 1, "max_k": 2}, "max_k"),
        ({"team_id": 1, "window_start": "2026-01-01T00:00:00"}, "window_start"),
        ({"team_id": 1, "colour": "red"}, "colour"),
        (["x"], "team_id"),
    ],
)
async def test_bad_input_is_refused_at_once(cluster: Cluster, argument: Any, field: str) -> None:
    async with cluster.worker():
        handle = await cluster.start(argument)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.non_retryable) == ("InvalidInputError", True)
    assert cause.message.startswith(f"{field}: ")
    kinds = Counter(event["eventType"] for event in await history_events(handle))
    assert kinds["EVENT_TYPE_WORKFLOW_TASK_FAILED"] == 0


async def test_activities_have_the_timeouts_and_retries_of_the_contract(
    cluster: Cluster, team_id: int
) -> None:
    load(cluster.store, team_id, mixture(40, 4, 3))
    async with cluster.worker():
        handle = await cluster.start([team_id])
        await handle.result()
    scheduled = [
        event["activityTaskScheduledEventAttributes"]
        for event in await history_events(handle)
        if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"
    ]
    timeouts = {one["activityType"]["name"]: one["startToCloseTimeout"] for one in scheduled}
    contract = {
        "query_trace_embeddings_activity": "300s",
        "sample_embeddings_activity": "60s",
        "determine_optimal_k_activity": "600s",
        "perform_clustering_activity": "300s",
        "emit_cluster_events_activity": "60s",
    }
    assert timeouts == contract | dict.fromkeys(timeouts.keys() - contract, "300s")
    assert list(timeouts) == [*list(contract)[:4], *list(timeouts)[4:-1], list(contract)[-1]]
    for one in scheduled:
        policy = one["retryPolicy"]
        assert one["heartbeatTimeout"] == "10s"
        assert (policy["maximumAttempts"], policy["backoffCoefficient"]) == (4, 2.0)
        assert "InvalidInputError" in policy["nonRetryableErrorTypes"]


@pytest.mark.parametrize("n", [0, 1, 19])
async def test_too_few_traces_skip_the_run(cluster: Cluster, team_id: int, n: int) -> None:
    if n:
        load(cluster.store, team_id, mixture(n, 4, 3))
    output = await cluster.run([team_id])
    assert (output["status"], output["optimal_k"], output["clusters"]) == ("skipped", None, [])
    traces = "1 trace" if n == 1 else f"{n} traces"
    assert output["skip_reason"] == f"{traces} with usable embeddings, at least 20 are needed"
    assert_skipped(cluster.store, team_id, output)


@pytest.mark.parametrize("distinct", [1, 2])
async def test_degenerate_vectors_skip_the_run(
    cluster: Cluster, team_id: int, distinct: int
) -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32)[:distinct], 30, axis=0)
    load(cluster.store, team_id, vectors)
    output = await cluster.run([team_id])
    assert output["status"] == "skipped"
    assert re.search("equal|distinct", output["skip_reason"])
    assert output["sampled_traces"] == len(vectors)
    assert_skipped(cluster.store, team_id, output)


def assert_skipped(store: Store, team_id: int, output: dict[str, Any]) -> None:
    assert store.events.properties(team_id, output["clustering_run_id"]) is None
    (run,) = store.runs.recent(team_id)
    assert (run.run_id, run.status) == (output["clustering_run_id"], "skipped")
    assert run.reason == output["skip_reason"]


async def test_vectors_that_do_not_fit_are_left_out_and_counted(
    cluster: Cluster, team_id: int
) -> None:
    embeddings, vectors = cluster.store.embeddings, mixture(50, 8, 3)
    load(cluster.store, team_id, vectors)
    embeddings.insert(team_id, documents(3, prefix="long"), mixture(3, 9), "test-model")
    embeddings.insert(team_id, documents(2, prefix="other"), mixture(2, 8), "another-model")
    bad = np.zeros((3, 8), dtype=np.float32)
    bad[1, 0], bad[2, 0] = np.nan, np.inf
    embeddings.insert(team_id, documents(3, prefix="bad"), bad, "test-model")
    output = await cluster.run([team_id])
    assert (output["traces_analyzed"], output["excluded_traces"]) == (50, 8)
    event = cluster.event(team_id, output["clustering_run_id"])
    assert event["$ai_excluded_traces"] == {
        "other_model": 2,
        "other_dimensions": 3,
        "invalid_vector": 3,
    }


async def test_same_data_and_seed_give_the_same_event(cluster: Cluster, team_id: int) -> None:
    load(cluster.store, team_id, mixture(400))
    end = format_time(datetime.now(UTC))
    inputs = ClusteringInputs(team_id, max_samples=200, window_end=end, seed=7)
    events = []
    async with cluster.worker():
        # Within one second: the later run's id carries milliseconds.
        handles = [await cluster.start(inputs) for _ in range(3)]
        for handle in handles:
            run_id = (await handle.result())["clustering_run_id"]
            events.append(cluster.event(team_id, run_id))
    assert len({event.pop("$ai_clustering_run_id") for event in events}) == 3
    for event in events:
        event.pop("$ai_timestamp")
    assert events[0] == events[1] == events[2]
    assert events[0]["$ai_sampled_traces_count"] == 200
    assert events[0]["$ai_total_traces_analyzed"] == 400


async def test_other_seeds_draw_other_samples(cluster: Cluster, team_id: int) -> None:
    load(cluster.store, team_id, mixture(400))
    samples = []
    for seed in (1, 2):
        output = await cluster.run(ClusteringInputs(team_id, max_samples=100, seed=seed))
        event = cluster.event(team_id, output["clustering_run_id"])
        samples.append({t for one in event["$ai_clusters"] for t in one["trace_ids"]})
    assert samples[0] != samples[1]


async def test_nothing_large_travels_through_temporal(cluster: Cluster, team_id: int) -> None:
    load(cluster.store, team_id, mixture(50_000, 4, 5))
    inputs = ClusteringInputs(team_id, max_samples=50_000, max_k=5)
    # The other parts hand on what these do, see ``test_parts``; here they would take a minute.
    async with cluster.worker(parts=NoParts(cluster.store)):
        handle = await cluster.start(inputs)
        output = await handle.result()
    assert output["sampled_traces"] == 50_000
    sizes = list(payload_sizes(await history_events(handle)))
    assert len(sizes) >= 10
    assert max(sizes) < 64 * 1024


class FailingRuns:
    """Hands everything on to the real runs, but fails the first reads of a sample."""

    def __init__(self, real: Any, errors: list[Exception]) -> None:
        self._real = real
        self.errors = errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def read_sample(self, ref: Any) -> Any:
        if self.errors:
            raise self.errors.pop(0)
        return self._real.read_sample(ref)


@dataclasses.dataclass
class FailingStore:
    runs: FailingRuns
    embeddings: Any
    events: Any
    findings: Any
    browsing: Any

    @classmethod
    def over(cls, store: Store, *errors: Exception) -> FailingStore:
        failing = FailingRuns(store.runs, list(errors))
        return cls(failing, store.embeddings, store.events, store.findings, store.browsing)


async def test_a_store_that_heals_is_tried_again(cluster: Cluster, team_id: int) -> None:
    load(cluster.store, team_id, mixture(60, 4, 3))
    failing = FailingStore.over(cluster.store, StoreError("gone"), StoreError("still gone"))
    async with cluster.worker(store=failing):
        handle = await cluster.start([team_id])
        assert (await handle.result())["status"] == "completed"
    assert await attempts(handle, "determine_optimal_k_activity") == 3


async def test_a_refusal_is_not_tried_again(
    cluster: Cluster, team_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    load(cluster.store, team_id, mixture(60, 4, 3))
    failing = FailingStore.over(cluster.store, StoreRefusedError("no access"), StoreError("x"))
    async with cluster.worker(store=failing):
        handle = await cluster.start([team_id])
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, ActivityError)
    assert "no access" in str(failed.value.cause.cause)
    assert len(failing.runs.errors) == 1
    (line,) = [record for record in caplog.records if record.getMessage() == "Clustering failed"]
    assert vars(line)["reason"] == "no access"
    (run,) = cluster.store.runs.recent(team_id)
    assert (run.status, run.reason, run.finished_at is None) == ("failed", "no access", False)


async def attempts(handle: WorkflowHandle[Any, Any], activity: str) -> int:
    events = await history_events(handle)
    scheduled = {
        event["eventId"]: event["activityTaskScheduledEventAttributes"]["activityType"]["name"]
        for event in events
        if "activityTaskScheduledEventAttributes" in event
    }
    started = [
        e["activityTaskStartedEventAttributes"]
        for e in events
        if "activityTaskStartedEventAttributes" in e
    ]
    return next(int(s["attempt"]) for s in started if scheduled[s["scheduledEventId"]] == activity)


async def test_a_window_is_half_open(cluster: Cluster, team_id: int) -> None:
    at = datetime(2026, 11, 10, tzinfo=UTC)
    load(cluster.store, team_id, mixture(60, 4, 3), at=at)
    window = {
        "window_start": format_time(at - timedelta(seconds=59)),
        "window_end": format_time(at),
    }
    output = await cluster.run({"team_id": team_id, **window})
    assert output["traces_analyzed"] == 59
    event = cluster.event(team_id, output["clustering_run_id"])
    assert (event["$ai_window_start"], event["$ai_window_end"]) == tuple(window.values())
