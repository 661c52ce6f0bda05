"""Measures what telling all parts adds to a run: names, facts, tree, outliers, map, quality.

    python -m benchmarks.parts

2,000 × 384 vectors on a running embedded service: the demo's texts, and around a centre for each
of its subjects unit vectors. Added is the time from the end of the clustering to the beginning of
the event; the parts are made at the same time, as far as the cores allow. Medians in seconds.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from statistics import median

import numpy as np
from numpy.typing import NDArray
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from benchmarks.core import machine
from benchmarks.job import activity_seconds, run_once
from benchmarks.service import embedded_service
from trace_clustering.models import TraceDocument
from trace_clustering.models.traces import TraceFacts
from trace_clustering.store import Store, TraceRow
from trace_clustering.traces.demo import DEMO_TEAMS, product_of
from trace_clustering.traces.demo.generator import labelled_lines
from trace_clustering.traces.reading import trace_of
from trace_clustering.traces.rendering import render_minimal

ROWS, COLUMNS, ROUNDS, TEAM = 2_000, 384, 7, 1


async def main() -> None:
    async with embedded_service() as service:
        load_demo(service.store)
        await run_once(service)  # not counted: the first run loads what later ones share
        runs = [await run_once(service) for _ in range(ROUNDS)]
    activities = [activity_seconds(history) for _, history in runs]
    line = {
        "case": "parts of a run",
        "rows": ROWS,
        "columns": COLUMNS,
        "rounds": ROUNDS,
        "job_seconds": round(median(seconds for seconds, _ in runs), 3),
        "added_seconds": round(median(added_seconds(history) for _, history in runs), 3),
        "activities": {
            name: round(median(one[name] for one in activities), 3) for name in activities[0]
        },
        **machine(),
    }
    print(json.dumps(line), flush=True)


def load_demo(store: Store) -> None:
    """Traces of the demo's products as traces of the last hours, with vectors by subject."""
    last = datetime.now(UTC) - timedelta(minutes=1)
    lines = [line for team in DEMO_TEAMS for line in labelled_lines(product_of(team), last, 7)]
    drawn = np.random.default_rng(0).permutation(len(lines))[:ROWS]
    labels, texts, rows = [], [], []
    for i, number in enumerate(drawn):
        label, line = lines[number]
        moment = last - timedelta(seconds=i)
        trace = trace_of(line)
        labels.append(label)
        texts.append(
            TraceDocument(
                f"trace-{i:07d}", moment, "llma_trace_minimal", render_minimal(trace), "{}"
            )
        )
        rows.append(TraceRow(facts(f"trace-{i:07d}", moment, i), "", "summarized", 1, moment))
    store.embeddings.insert(TEAM, texts, vectors_of(labels), "benchmark")
    store.traces.record(TEAM, rows)


def vectors_of(labels: list[str]) -> NDArray[np.float32]:
    """Unit vectors (n, COLUMNS) around one direction for each label."""
    rng = np.random.default_rng(0)
    subjects = np.unique(labels, return_inverse=True)[1]
    centres = rng.standard_normal((subjects.max() + 1, COLUMNS))
    vectors = centres[subjects] + 1.2 * rng.standard_normal((len(labels), COLUMNS))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def facts(trace_id: str, start: datetime, i: int) -> TraceFacts:
    return TraceFacts(
        trace_id=trace_id,
        name="",
        start=start,
        duration=float(i % 17),
        models=("a", "b") if i % 3 else ("a",),
        tools=(f"tool {i % 5}",),
        input_tokens=i % 400,
        output_tokens=i % 90,
        cost_usd=i % 13 / 100,
        cost_source="sent",
        errors=int(i % 10 == 0),
        is_error=i % 10 == 0,
        user_id=f"user {i % 300}",
        session_id=None,
        spans=3,
    )


def added_seconds(history: WorkflowHistory) -> float:
    """From the moment at which the clusters were there to that at which the event was begun."""
    names, moments = {}, {}
    for event in history.events:
        moment = event.event_time.ToNanoseconds() / 1e9
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            name = event.activity_task_scheduled_event_attributes.activity_type.name
            names[event.event_id] = name
            moments[f"{name} scheduled"] = moment
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            scheduled = event.activity_task_completed_event_attributes.scheduled_event_id
            moments[f"{names[scheduled]} completed"] = moment
    return (
        moments["emit_cluster_events_activity scheduled"]
        - moments["perform_clustering_activity completed"]
    )


if __name__ == "__main__":
    asyncio.run(main())
