"""What the HTTP service asks of Temporal, on a real one."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import asdict

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.temporal.support import Cluster, load, mixture
from tests.trace_events import generation
from trace_clustering.constants import SUMMARIZATION_SCHEDULE_ID
from trace_clustering.errors import NotFoundError
from trace_clustering.models import (
    ClusteringInputs,
    CoordinatorInputs,
    ScheduleName,
    WorkflowState,
)
from trace_clustering.models.summarization import SummarizationCoordinatorInputs
from trace_clustering.temporal.gateway import ScheduleOptions, TemporalGateway

pytestmark = pytest.mark.anyio


@pytest.fixture
def gateway(cluster: Cluster) -> TemporalGateway:
    options = ScheduleOptions(1, CoordinatorInputs())
    return TemporalGateway(cluster.client, options, task_queue=cluster.task_queue)


async def test_a_run_is_started_and_watched(
    cluster: Cluster, gateway: TemporalGateway, team_id: int
) -> None:
    load(cluster.store, team_id, mixture(60, 4, 3))
    workflow_id = await gateway.start_run(ClusteringInputs(team_id))
    assert (await gateway.state(workflow_id)).status == "running"
    async with cluster.worker():
        while (state := await gateway.state(workflow_id)).status == "running":
            await asyncio.sleep(0.05)
    assert state.result["team_id"] == team_id
    (run,) = cluster.store.runs.recent(team_id)
    assert (await gateway.state(workflow_id, run.workflow_run_id)).status == "completed"
    with pytest.raises(NotFoundError):
        await gateway.cancel(workflow_id)


async def test_a_run_is_cancelled(cluster: Cluster, gateway: TemporalGateway, team_id: int) -> None:
    workflow_id = await gateway.start_run(ClusteringInputs(team_id))
    await gateway.cancel(workflow_id)
    async with cluster.worker():
        while (state := await gateway.state(workflow_id)).status == "running":
            await asyncio.sleep(0.05)
    assert state.status == "cancelled"


async def test_summarizations_are_started_and_watched(
    alone: Cluster, gateway: TemporalGateway, team_id: int
) -> None:
    alone.store.events.insert(team_id, [generation("a"), generation("b")])
    async with alone.worker():
        # Neither has been quiet for ten minutes.
        waiting = await ended(gateway, await gateway.start_summarization(team_id, now=False))
        assert waiting.result["summarized"] == 0
        done = await ended(gateway, await gateway.start_summarization(team_id, now=True))
        assert done.result["summarized"] == 2
        every = await ended(gateway, await gateway.start_summarization(None, now=False))
        assert every.result["failed_teams"] == []


async def test_all_teams_are_summarized_as_many_at_once_as_is_set(cluster: Cluster) -> None:
    options = ScheduleOptions(1, CoordinatorInputs(max_concurrent_teams=7))
    gateway = TemporalGateway(cluster.client, options, task_queue=str(uuid.uuid4()))
    handle = cluster.client.get_workflow_handle(await gateway.start_summarization(None, now=True))
    (started, *_) = (await handle.fetch_history()).events
    await handle.terminate()
    (sent,) = started.workflow_execution_started_event_attributes.input.payloads
    assert json.loads(sent.data) == asdict(SummarizationCoordinatorInputs(0, 7))


async def test_the_summarizations_schedule_from_making_to_deleting(
    gateway: TemporalGateway,
) -> None:
    which: ScheduleName = "summarization"
    assert await gateway.ensure_schedule(which) == "created"
    try:
        found = await gateway.describe_schedule(which)
        assert (found["id"], found["interval_days"]) == (SUMMARIZATION_SCHEDULE_ID, [1 / 24])
        await gateway.pause_schedule("no model today", which)
        assert (await gateway.describe_schedule(which))["note"] == "no model today"
        await gateway.resume_schedule(which)
        assert not (await gateway.describe_schedule(which))["paused"]
    finally:
        await gateway.delete_schedule(which)
    with pytest.raises(NotFoundError, match="schedule create --of summarization"):
        await gateway.describe_schedule(which)


async def ended(gateway: TemporalGateway, workflow_id: str) -> WorkflowState:
    while (state := await gateway.state(workflow_id)).status == "running":
        await asyncio.sleep(0.05)
    return state


@workflow.defn(name="payroll")
class Payroll:
    @workflow.run
    async def run(self) -> str:
        return "none of your business"


async def test_other_workflows_of_the_namespace_are_out_of_reach(
    client: Client, gateway: TemporalGateway
) -> None:
    queue = str(uuid.uuid4())
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Payroll],
        workflow_runner=UnsandboxedWorkflowRunner(),
        build_id="test",
    ):
        handle = await client.start_workflow("payroll", id=queue, task_queue=queue)
        await handle.result()
    for ask in (gateway.state, gateway.cancel):
        with pytest.raises(NotFoundError, match="no workflow"):
            await ask(queue)
    with pytest.raises(NotFoundError):
        await gateway.state("unheard-of")
