"""Measures the whole job, from trigger to stored event, beside the core alone.

    python -m benchmarks.job

2,000 × 1,536 vectors on a running embedded service. Rounds of job and core alternate; times
are medians in seconds. ``activities`` says where the job's time goes; what is left is Temporal
handing over from one to the next.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from statistics import median
from time import perf_counter

import numpy as np
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from benchmarks.core import machine
from benchmarks.data import mixture
from benchmarks.service import Service, embedded_service, load
from trace_clustering.clustering import cluster_embeddings
from trace_clustering.constants import TASK_QUEUE, WORKFLOW_NAME
from trace_clustering.models import ClusteringInputs

ROWS, COLUMNS, ROUNDS, TEAM = 2_000, 1_536, 7, 1


async def main() -> None:
    vectors = mixture("separated", ROWS, COLUMNS, 0).astype(np.float32)
    async with embedded_service() as service:
        load(service.store, TEAM, vectors)
        await run_once(service)  # not counted: the first run loads what later ones share
        cores, jobs, activities = [], [], []
        for _ in range(ROUNDS):
            start = perf_counter()
            await asyncio.to_thread(cluster_embeddings, vectors)
            cores.append(perf_counter() - start)
            seconds, history = await run_once(service)
            jobs.append(seconds)
            activities.append(activity_seconds(history))
    line = {
        "case": "whole job",
        "rows": ROWS,
        "columns": COLUMNS,
        "rounds": ROUNDS,
        "core_seconds": round(median(cores), 3),
        "job_seconds": round(median(jobs), 3),
        "more_than_core_seconds": round(median(j - c for j, c in zip(jobs, cores, strict=True)), 3),
        "activities": {
            name: round(median(one[name] for one in activities), 3) for name in activities[0]
        },
        **machine(),
    }
    print(json.dumps(line), flush=True)


async def run_once(service: Service) -> tuple[float, WorkflowHistory]:
    """Seconds from trigger to stored event, and the run's history."""
    start = perf_counter()
    handle = await service.client.start_workflow(
        WORKFLOW_NAME, ClusteringInputs(TEAM), id=str(uuid.uuid4()), task_queue=TASK_QUEUE
    )
    output = await handle.result()
    seconds = perf_counter() - start
    assert service.store.events.properties(TEAM, output["clustering_run_id"]) is not None
    return seconds, await handle.fetch_history()


def activity_seconds(history: WorkflowHistory) -> dict[str, float]:
    """How long each activity ran, by name."""
    names, began, took = {}, {}, {}
    for event in history.events:
        moment = event.event_time.ToNanoseconds() / 1e9
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            attributes = event.activity_task_scheduled_event_attributes
            names[event.event_id] = attributes.activity_type.name
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            began[event.activity_task_started_event_attributes.scheduled_event_id] = moment
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            scheduled = event.activity_task_completed_event_attributes.scheduled_event_id
            took[names[scheduled]] = moment - began[scheduled]
    return took


if __name__ == "__main__":
    asyncio.run(main())
