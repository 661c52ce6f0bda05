"""What takes half an hour, on a Temporal that skips time; and cancelling."""

from __future__ import annotations

import sysconfig
import threading
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.temporal.support import Cluster, load, mixture
from tests.temporal.test_workflow import FailingRuns, FailingStore
from trace_clustering.constants import WORKFLOW_NAME
from trace_clustering.models import EmbeddingsFound, RunParameters
from trace_clustering.temporal.worker import WORKFLOWS, workflow_runner

pytestmark = pytest.mark.anyio

TEST_SERVER = Path(sysconfig.get_path("scripts")) / "temporal-test-server"


@activity.defn(name="query_trace_embeddings_activity")
async def asks_for_patience(parameters: RunParameters) -> EmbeddingsFound:
    raise ApplicationError("come back later", next_retry_delay=timedelta(minutes=20))


async def test_a_run_ends_after_thirty_minutes() -> None:
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(TEST_SERVER),
        test_server_startup_timeout=timedelta(minutes=1),
    )
    queue = str(uuid.uuid4())
    async with (
        environment,
        Worker(
            environment.client,
            task_queue=queue,
            workflows=WORKFLOWS,
            activities=[asks_for_patience],
            workflow_runner=workflow_runner(),
            build_id="test",
        ),
    ):
        handle = await environment.client.start_workflow(
            WORKFLOW_NAME, ["1"], id=queue, task_queue=queue
        )
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        found = await handle.describe()
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.message == "not done within 30 minutes"
    assert found.close_time is not None
    took = (found.close_time - found.start_time).total_seconds()
    # Fifteen seconds are left to record why.
    assert 29 * 60 < took <= 30 * 60


class WaitingRuns(FailingRuns):
    """Blocks in the middle of an activity until it is let go."""

    def __init__(self, real: Any) -> None:
        super().__init__(real, [])
        self.entered, self.let_go = threading.Event(), threading.Event()

    def read_sample(self, ref: Any) -> Any:
        self.entered.set()
        self.let_go.wait(30)
        return self._real.read_sample(ref)


async def test_a_cancelled_run_ends_and_emits_nothing(
    cluster: Cluster, team_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    load(cluster.store, team_id, mixture(2000, 64))
    runs = WaitingRuns(cluster.store.runs)
    store = cluster.store
    failing = FailingStore(runs, store.embeddings, store.events, store.findings, store.browsing)
    async with cluster.worker(store=failing):
        handle = await cluster.start([team_id])
        while not runs.entered.is_set():
            await handle.describe()
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as ended:
            await handle.result()
        runs.let_go.set()
    assert isinstance(ended.value.cause, CancelledError)
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    (run,) = cluster.store.runs.recent(team_id)
    assert (run.status, run.reason) == ("cancelled", "the run was cancelled")
    assert cluster.store.events.properties(team_id, run.run_id) is None
    assert "Clustering cancelled" in [record.getMessage() for record in caplog.records]
