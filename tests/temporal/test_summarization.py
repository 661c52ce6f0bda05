"""The workflows of the summarization on a real Temporal and a real store."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from tests.temporal.support import Cluster, history_events, payload_sizes
from tests.trace_events import generation
from trace_clustering import constants
from trace_clustering.constants import (
    SUMMARIZATION_COORDINATOR_NAME,
    SUMMARIZATION_WORKFLOW_NAME,
)
from trace_clustering.models.summarization import (
    SummarizationCoordinatorInputs,
    SummarizationInputs,
)

pytestmark = pytest.mark.anyio


def receive(cluster: Cluster, team_id: int, n: int, **options: Any) -> list[str]:
    ids = [f"trace-{i:05d}" for i in range(n)]
    cluster.store.events.insert(team_id, [generation(one, **options) for one in ids])
    return ids


async def summarize(
    cluster: Cluster, inputs: Any, workflow: str = SUMMARIZATION_WORKFLOW_NAME, **options: Any
) -> dict[str, Any]:
    async with cluster.worker(**options):
        output: dict[str, Any] = await (await cluster.start(inputs, workflow)).result()
        return output


async def test_a_teams_traces_are_summarized_once(cluster: Cluster, team_id: int) -> None:
    ids = receive(cluster, team_id, 250)
    output = await summarize(cluster, SummarizationInputs(team_id, quiet_seconds=0))
    assert (output["summarized"], output["embedded"], output["failed"]) == (250, 500, 0)
    assert set(cluster.store.traces.get(team_id, ids)) == set(ids)
    again = await summarize(cluster, SummarizationInputs(team_id, quiet_seconds=0))
    assert (again["summarized"], again["embedded"]) == (0, 0)


async def test_traces_that_are_not_quiet_are_left(cluster: Cluster, team_id: int) -> None:
    receive(cluster, team_id, 3)
    output = await summarize(cluster, SummarizationInputs(team_id, quiet_seconds=3600))
    assert output["summarized"] == 0
    assert cluster.store.traces.count_pending(team_id) == 3


async def test_a_failing_batch_holds_up_no_other(
    cluster: Cluster, team_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "SUMMARY_BATCH_TRACES", 5)
    receive(cluster, team_id, 12)
    cluster.store.events.insert(team_id, [generation("trace-00007", 1, asked="refuse me")])
    output = await summarize(cluster, SummarizationInputs(team_id, quiet_seconds=0))
    assert output["summarized"] + output["failed"] == 12
    assert output["failed"] in (2, 5)  # the last or a full batch
    assert output["failures"] == ["the model is out of order"]
    assert cluster.store.traces.count_pending(team_id) == output["failed"]


async def test_where_nothing_can_be_embedded_the_workflow_says_why(
    cluster: Cluster, team_id: int
) -> None:
    receive(cluster, team_id, 2, asked="refuse me")
    with pytest.raises(WorkflowFailureError) as failed:
        await summarize(cluster, SummarizationInputs(team_id, quiet_seconds=0))
    assert "the model is out of order" in str(failed.value.cause)


async def test_many_traces_continue_as_new(
    cluster: Cluster, team_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "SUMMARY_BATCH_TRACES", 4)
    monkeypatch.setattr(constants, "SUMMARY_SNAPSHOT_TRACES", 10)
    receive(cluster, team_id, 25)
    output = await summarize(cluster, SummarizationInputs(team_id, quiet_seconds=0))
    assert (output["summarized"], output["embedded"]) == (25, 50)


async def test_only_references_travel(cluster: Cluster, team_id: int) -> None:
    receive(cluster, team_id, 300)
    async with cluster.worker():
        inputs = SummarizationInputs(team_id, quiet_seconds=0)
        handle = await cluster.start(inputs, SUMMARIZATION_WORKFLOW_NAME)
        await handle.result()
    events = await history_events(handle)
    assert max(payload_sizes(events)) < 1_000


async def test_bad_inputs_are_refused_by_field(cluster: Cluster, team_id: int) -> None:
    for given, field in [({}, "team_id"), ({"team_id": 1, "quiet_seconds": -1}, "quiet_seconds")]:
        with pytest.raises(WorkflowFailureError) as failed:
            await summarize(cluster, given)
        assert str(failed.value.cause).startswith(f"InvalidInputError: {field}")


async def test_all_teams_with_pending_traces(alone: Cluster) -> None:
    teams = [1, 2, 3]
    for team in teams:
        receive(alone, team, 3)
    inputs = SummarizationCoordinatorInputs(quiet_seconds=0)
    output = await summarize(alone, inputs, SUMMARIZATION_COORDINATOR_NAME)
    assert output["teams"] == 3
    assert output["failed_teams"] == []
    assert [alone.store.traces.count_pending(team) for team in teams] == [0, 0, 0]


async def test_a_team_that_fails_stops_no_other(alone: Cluster) -> None:
    teams = [1, 2]
    receive(alone, teams[0], 2, asked="refuse me")
    receive(alone, teams[1], 2)
    inputs = SummarizationCoordinatorInputs(quiet_seconds=0)
    output = await summarize(alone, inputs, SUMMARIZATION_COORDINATOR_NAME)
    failed = {one["team_id"]: one["reason"] for one in output["failed_teams"]}
    assert failed[teams[0]] == "the model is out of order"
    assert alone.store.traces.count_pending(teams[1]) == 0


async def test_pages_of_teams_continue_as_new(
    alone: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "TEAMS_PER_COORDINATOR_RUN", 2)
    teams = [1, 2, 3, 4, 5]
    for team in teams:
        receive(alone, team, 1)
    inputs = SummarizationCoordinatorInputs(quiet_seconds=0, max_concurrent_teams=2)
    output = await summarize(alone, inputs, SUMMARIZATION_COORDINATOR_NAME)
    assert output["teams"] == 5
    assert sum(alone.store.traces.count_pending(team) for team in teams) == 0
