"""The workflow ``trace-clustering-coordinator`` on a real Temporal and a real store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from tests.temporal.support import Cluster, history_events, load, mixture, payload_sizes
from tests.temporal.test_workflow import FailingStore
from trace_clustering import constants
from trace_clustering.constants import COORDINATOR_WORKFLOW_NAME
from trace_clustering.errors import StoreRefusedError
from trace_clustering.models import CoordinatorInputs, TeamReason

pytestmark = pytest.mark.anyio


@pytest.fixture
def teams(cluster: Cluster, team_id: int) -> list[int]:
    """Five teams: two that can be clustered, one too small, one all equal, one too small to see."""
    base = team_id * 1000
    sizes = {base: 60, base + 1: 60, base + 2: 15, base + 4: 5}
    for team, size in sizes.items():
        load(cluster.store, team, mixture(size, 4, 3, seed=team))
    load(cluster.store, base + 3, mixture(1, 4, 1).repeat(30, axis=0))
    return [base + i for i in range(5)]


async def test_every_team_is_clustered_and_told_of(cluster: Cluster, teams: list[int]) -> None:
    inputs = CoordinatorInputs(min_embeddings=10, allowed_team_ids=teams)
    output = await cluster.coordinate(inputs)
    assert (output["teams_processed"], output["teams_skipped"], output["teams_failed"]) == (2, 2, 0)
    reasons = {one["team_id"]: one["reason"] for one in output["skipped"]}
    assert reasons[teams[2]].startswith("15 traces")
    assert "equal" in reasons[teams[3]]
    runs = [cluster.store.runs.recent(team) for team in teams]
    assert [len(found) for found in runs] == [1, 1, 1, 1, 0]
    assert output["clusters_created"] == sum(found[0].optimal_k for found in runs[:2])
    assert output["duration_seconds"] > 0


async def test_all_teams_share_one_window(cluster: Cluster, teams: list[int]) -> None:
    await cluster.coordinate(CoordinatorInputs(allowed_team_ids=teams[:2]))
    windows = set()
    for team in teams[:2]:
        (run,) = cluster.store.runs.recent(team)
        event = cluster.event(team, run.run_id)
        windows.add((event["$ai_window_start"], event["$ai_window_end"]))
    assert len(windows) == 1


async def test_the_allowlist_is_kept_by_the_coordinator_alone(
    cluster: Cluster, teams: list[int]
) -> None:
    output = await cluster.coordinate(CoordinatorInputs(allowed_team_ids=[teams[0]]))
    assert output["teams_processed"] == 1
    assert cluster.store.runs.recent(teams[1]) == []
    assert (await cluster.run([teams[1]]))["status"] == "completed"


async def test_a_failing_child_stops_no_other(cluster: Cluster, teams: list[int]) -> None:
    failing = FailingStore.over(cluster.store, StoreRefusedError("not this one"))
    inputs = CoordinatorInputs(allowed_team_ids=teams[:2], max_concurrent_teams=1)
    async with cluster.worker(store=failing):
        handle = await cluster.start(inputs, COORDINATOR_WORKFLOW_NAME)
        output = await handle.result()
    assert (output["teams_processed"], output["teams_failed"]) == (1, 1)
    assert output["failed"] == [asdict(TeamReason(teams[0], "not this one"))]


@pytest.fixture
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "TEAMS_PER_COORDINATOR_RUN", 2)


@pytest.mark.usefixtures("_small_pages")
async def test_it_continues_as_new_page_by_page(cluster: Cluster, teams: list[int]) -> None:
    inputs = CoordinatorInputs(min_embeddings=10, allowed_team_ids=teams)
    async with cluster.worker():
        handle = await cluster.start(inputs, COORDINATOR_WORKFLOW_NAME)
        output = await handle.result()
        first = cluster.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        events = await history_events(first)
    assert events[-1]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
    assert (output["teams_processed"], output["teams_skipped"]) == (2, 2)


async def test_children_run_a_few_at_once(cluster: Cluster, team_id: int) -> None:
    teams = [team_id * 1000 + i for i in range(6)]
    for team in teams:
        load(cluster.store, team, mixture(30, 4, 3))
    async with cluster.worker():
        inputs = CoordinatorInputs(allowed_team_ids=teams, max_concurrent_teams=2)
        handle = await cluster.start(inputs, COORDINATOR_WORKFLOW_NAME)
        output = await handle.result()
    assert output["teams_processed"] == 6
    assert most_at_once(await history_events(handle)) == 2


def most_at_once(events: list[dict[str, Any]]) -> int:
    running, most = 0, 0
    for event in events:
        kind = event["eventType"]
        running += kind == "EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED"
        running -= kind == "EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED"
        most = max(most, running)
    return most


@pytest.mark.parametrize(
    ("argument", "field"),
    [
        ({"min_k": 1}, "min_k"),
        ({"max_concurrent_teams": 0}, "max_concurrent_teams"),
        ({"allowed_team_ids": [1, "x"]}, "allowed_team_ids.1"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_bad_input_is_refused_at_once(cluster: Cluster, argument: Any, field: str) -> None:
    async with cluster.worker():
        handle = await cluster.start(argument, COORDINATOR_WORKFLOW_NAME)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.message.startswith(f"{field}: ")


async def test_300_teams_stay_within_small_histories(cluster: Cluster, team_id: int) -> None:
    """Each team is looked at and skipped, to be quick; ``make bench`` clusters all 300."""
    teams = [team_id * 1000 + i for i in range(300)]
    vectors = mixture(2, 4, 2)
    for team in teams:
        load(cluster.store, team, vectors)
    async with cluster.worker():
        inputs = CoordinatorInputs(
            allowed_team_ids=teams, max_concurrent_teams=16, min_embeddings=1
        )
        handle = await cluster.start(inputs, COORDINATOR_WORKFLOW_NAME)
        output = await handle.result()
    assert (output["teams_skipped"], output["teams_failed"]) == (300, 0)
    assert len(output["skipped"]) == 300
    for run_id in (handle.first_execution_run_id, None):
        await check_history(cluster.client.get_workflow_handle(handle.id, run_id=run_id))


async def check_history(handle: WorkflowHandle[Any, Any]) -> None:
    found = await handle.describe()
    events = await history_events(handle)
    size = found.raw_description.workflow_execution_info.history_size_bytes
    print(f"coordinator history: {len(events)} events, {size:,} bytes")
    assert len(events) < 4_000
    assert size < 2_000_000
    assert max(payload_sizes(events)) < 64 * 1024
