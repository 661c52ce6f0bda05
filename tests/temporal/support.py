"""Helpers of the workflow tests: data, a worker for one test, and what a history tells."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from google.protobuf.json_format import MessageToDict
from numpy.typing import NDArray
from temporalio import activity
from temporalio.client import Client, WorkflowHandle

from tests.fakes import FakeEmbedder
from trace_clustering.constants import COORDINATOR_WORKFLOW_NAME, WORKFLOW_NAME
from trace_clustering.errors import StoreRefusedError
from trace_clustering.models import ClusteredRun, PartMade, TraceDocument
from trace_clustering.store import Store
from trace_clustering.summarization import Summarization
from trace_clustering.temporal.activities import ClusteringActivities
from trace_clustering.temporal.part_activities import PartActivities
from trace_clustering.temporal.summarization_activities import SummarizationActivities
from trace_clustering.temporal.worker import build_worker
from trace_clustering.traces.naming.portrait import Namer

MODEL = "test-model"


def mixture(n: int, dimensions: int = 16, groups: int = 4, seed: int = 0) -> NDArray[np.float32]:
    """Vectors in ``groups`` groups well apart, of unequal sizes; shape (n, dimensions)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, dimensions)) * 8
    weights = np.arange(groups, 0, -1) / (groups * (groups + 1) / 2)
    labels = rng.choice(groups, size=n, p=weights)
    return (centres[labels] + rng.normal(size=(n, dimensions))).astype(np.float32)


def documents(n: int, *, prefix: str = "trace", at: datetime | None = None) -> list[TraceDocument]:
    """``n`` traces of the last hours, a second apart."""
    last = at or datetime.now(UTC) - timedelta(minutes=1)
    return [
        TraceDocument(
            document_id=f"{prefix}-{i:06d}",
            timestamp=last - timedelta(seconds=i),
            rendering="llma_trace_minimal",
            content=f"text {i}",
            metadata="{}",
        )
        for i in range(n)
    ]


def load(store: Store, team_id: int, vectors: NDArray[np.float32], **options: Any) -> None:
    store.embeddings.insert(team_id, documents(len(vectors), **options), vectors, MODEL)


class NoParts(PartActivities):
    """Makes no part but those that are cheap at any size."""

    @activity.defn(name="find_outliers_activity")
    def find_outliers_activity(self, run: ClusteredRun) -> PartMade:
        raise StoreRefusedError("not here")

    @activity.defn(name="draw_map_activity")
    def draw_map_activity(self, run: ClusteredRun) -> PartMade:
        raise StoreRefusedError("not here")

    @activity.defn(name="build_levels_activity")
    def build_levels_activity(self, run: ClusteredRun) -> PartMade:
        raise StoreRefusedError("not here")


@dataclass(frozen=True)
class Cluster:
    client: Client
    store: Store
    task_queue: str

    @asynccontextmanager
    async def worker(
        self,
        *,
        store: Any = None,
        min_traces: int = 20,
        summarization: Summarization | None = None,
        namer: Namer | None = None,
        parts: PartActivities | None = None,
    ) -> AsyncIterator[None]:
        """Run a worker on this test's queue."""
        clustering = ClusteringActivities(store or self.store, min_traces=min_traces)
        summarizing = summarization or Summarization(self.store, FakeEmbedder())
        async with build_worker(
            self.client,
            [
                *clustering.all,
                *(parts or PartActivities(store or self.store, namer)).all,
                *SummarizationActivities(summarizing).all,
            ],
            max_concurrent_activities=4,
            task_queue=self.task_queue,
        ):
            yield

    async def start(self, argument: Any, workflow: str = WORKFLOW_NAME) -> WorkflowHandle[Any, Any]:
        """Start a workflow by name, as any client would."""
        return await self.client.start_workflow(
            workflow, argument, id=f"test-{uuid.uuid4()}", task_queue=self.task_queue
        )

    async def run(self, argument: Any) -> dict[str, Any]:
        """Cluster with a worker that runs for as long as it takes; the workflow's output."""
        async with self.worker():
            output: dict[str, Any] = await (await self.start(argument)).result()
            return output

    async def coordinate(self, argument: Any) -> dict[str, Any]:
        async with self.worker():
            handle = await self.start(argument, COORDINATOR_WORKFLOW_NAME)
            output: dict[str, Any] = await handle.result()
            return output

    def event(self, team_id: int, run_id: str) -> dict[str, Any]:
        properties = self.store.events.properties(team_id, run_id)
        assert properties is not None
        event: dict[str, Any] = json.loads(properties)
        return event


async def history_events(handle: WorkflowHandle[Any, Any]) -> list[dict[str, Any]]:
    """A workflow's history, event by event."""
    history = await handle.fetch_history()
    return [MessageToDict(event) for event in history.events]


def payload_sizes(events: Any) -> Iterator[int]:
    """Sizes in bytes of all payloads anywhere in a history."""
    if isinstance(events, dict):
        if "data" in events and "metadata" in events:
            yield len(events["data"]) * 3 // 4
        for value in events.values():
            yield from payload_sizes(value)
    elif isinstance(events, list):
        for value in events:
            yield from payload_sizes(value)
