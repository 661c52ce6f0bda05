"""Rows for the store's tests: traces with vectors, a drawn sample, a finished run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trace_clustering.inputs import make_run_id
from trace_clustering.models import (
    RunRecord,
    RunStatus,
    SampleRef,
    TraceDocument,
    VectorFamily,
    Window,
)
from trace_clustering.store import Sample, Store

MODEL = "test-model"
DIMENSIONS = 4
WINDOW = Window("2026-11-13T12:00:00Z", "2026-11-20T12:00:00Z")
INSIDE = datetime(2026, 11, 16, 9, tzinfo=UTC)
STARTED = datetime(2026, 11, 20, 12, tzinfo=UTC)

Vectors = NDArray[np.float32]


def names(n: int, prefix: str = "trace") -> list[str]:
    return [f"{prefix}-{i:04d}" for i in range(n)]


def text_of(document_id: str) -> str:
    """A text of its own for each id, also where numbers are passed over."""
    return f"text of {document_id.translate(str.maketrans('0123456789', 'abcdefghij'))}"


def document(
    document_id: str,
    *,
    timestamp: datetime = INSIDE,
    rendering: str = "llma_trace_minimal",
    content: str | None = None,
    metadata: str | None = None,
) -> TraceDocument:
    text = text_of(document_id) if content is None else content
    facts = json.dumps({"opening": text}) if metadata is None else metadata
    return TraceDocument(document_id, timestamp, rendering, text, facts)


def vectors(n: int, dimensions: int = DIMENSIONS, seed: int = 0) -> Vectors:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dimensions)).astype(np.float32)


def vector(*values: float) -> Vectors:
    """One vector, as a matrix of one row."""
    return np.array([values], dtype=np.float32)


def add(
    store: Store,
    team_id: int,
    traces: Sequence[str | TraceDocument],
    rows: Vectors | None = None,
    *,
    model: str = MODEL,
) -> None:
    documents = [document(one) if isinstance(one, str) else one for one in traces]
    matrix = vectors(len(documents)) if rows is None else rows
    store.embeddings.insert(team_id, documents, matrix, model)


@dataclass(frozen=True)
class Draw:
    """A drawn sample: where it is, and the rows in the order they are read in."""

    ref: SampleRef
    rows: Sample

    @property
    def ids(self) -> list[str]:
        """Which traces were drawn, by id."""
        return sorted(self.rows.trace_ids)

    def vector_of(self, trace_id: str) -> list[float]:
        row: list[float] = self.rows.embeddings[self.rows.trace_ids.index(trace_id)].tolist()
        return row


def draw(
    store: Store,
    team_id: int,
    *,
    size: int = 1000,
    seed: int = 1,
    cutoff: int | None = None,
    window: Window = WINDOW,
) -> Draw:
    """Draw a sample of a run of its own and read it back."""
    run_id = f"team_{team_id}_{uuid.uuid4()}"
    until = store.embeddings.now_micros() if cutoff is None else cutoff
    family = store.embeddings.find_family(team_id, window, until) or VectorFamily(MODEL, DIMENSIONS)
    drawn = store.embeddings.draw_sample(
        team_id, run_id, 1, window=window, cutoff=until, family=family, size=size, seed=seed
    )
    ref = SampleRef(team_id, run_id, 1, drawn, family.dimensions)
    return Draw(ref, store.runs.read_sample(ref))


def run_record(
    team_id: int,
    *,
    started: datetime = STARTED,
    status: RunStatus = "completed",
    reason: str = "",
    workflow_id: str = "workflow",
) -> RunRecord:
    done = status == "completed"
    return RunRecord(
        run_id=make_run_id(team_id, started),
        team_id=team_id,
        status=status,
        started_at=started,
        finished_at=None if status == "running" else started + timedelta(seconds=2),
        workflow_id=workflow_id,
        workflow_run_id="workflow-run",
        reason=reason,
        traces_analyzed=12 if done else 0,
        sampled_traces=12 if done else 0,
        optimal_k=3 if done else 0,
        silhouette_score=0.5 if done else None,
    )


def event_text(run: RunRecord, clusters: Sequence[Sequence[str]]) -> str:
    """An event's properties, with the spaces of nobody's serializer, as a check of bytes."""
    facts = {
        "$ai_clustering_run_id": run.run_id,
        "$ai_team_id": run.team_id,
        "$ai_window_start": WINDOW.start,
        "$ai_window_end": WINDOW.end,
        "$ai_total_traces_analyzed": run.traces_analyzed,
        "$ai_sampled_traces_count": run.sampled_traces,
        "$ai_optimal_k": len(clusters),
        "$ai_silhouette_score": 0.5,
        "$ai_clusters": [
            {"cluster_id": i, "size": len(ids), "trace_ids": list(ids)}
            for i, ids in enumerate(clusters)
        ],
        "$ai_note": "ñ 你",
    }
    return json.dumps(facts, ensure_ascii=False, indent=1)


def finish_run(
    store: Store,
    team_id: int,
    *,
    started: datetime = STARTED,
    ids: Sequence[str] | None = None,
    event: Mapping[str, Any] | None = None,
) -> RunRecord:
    """A completed run of 12 traces in three clusters, as the activities would leave it.

    Args:
        event: the properties that it emitted, if they are to be others.
    """
    traces = list(ids or names(12))
    add(store, team_id, traces)
    sample = draw(store, team_id, size=len(traces)).rows
    run = run_record(team_id, started=started)
    labels = np.arange(len(traces)) % 3
    distances = np.arange(len(traces), dtype=np.float32)
    store.runs.write_assignments(team_id, run.run_id, sample, labels, distances)
    store.runs.record(run)
    clusters = [[sample.trace_ids[i] for i in np.flatnonzero(labels == k)] for k in range(3)]
    text = event_text(run, clusters) if event is None else json.dumps(event, ensure_ascii=False)
    store.events.emit(team_id, run.run_id, started, text)
    return run
