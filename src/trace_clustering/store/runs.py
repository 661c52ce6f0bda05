"""Runs and what they found: samples, centroids and assignments, all keyed by run id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trace_clustering.constants import RENDERING_MINIMAL, RENDERING_PREFIX
from trace_clustering.errors import StoreError
from trace_clustering.models import Member, RunRecord, RunStatus, SampleRef
from trace_clustering.store.database import Database, table
from trace_clustering.store.embeddings import read_matrix, vector_column
from trace_clustering.store.texts import TEXTS_OF_CHOSEN as _TEXTS_OF_CHOSEN
from trace_clustering.store.times import as_utc

Stage = Literal["search", "final"]

# Of a claim that was given up for another run's.
_YIELDED = "yielded"


@dataclass(frozen=True)
class Sample:
    """A run's sample in memory, ordered by time.

    Attributes:
        trace_ids: n ids.
        timestamps: of the traces, an Arrow column of milliseconds.
        embeddings: shape (n, dimensions).
    """

    trace_ids: list[str]
    timestamps: pa.ChunkedArray
    embeddings: NDArray[np.float32]


@dataclass(frozen=True)
class Assigned:
    """The traces of one cluster, closest to its centroid first."""

    cluster_id: int
    trace_ids: list[str]


class Runs:
    def __init__(self, database: Database) -> None:
        self._db = database

    def record(self, run: RunRecord) -> None:
        """Store how a run stands; a later record of the same run replaces this one."""
        self._record(run, run.status)

    def _record(self, run: RunRecord, status: str) -> None:
        columns = {
            "team_id": ([run.team_id], pa.int64()),
            "run_id": ([run.run_id], pa.string()),
            "workflow_id": ([run.workflow_id], pa.string()),
            "workflow_run_id": ([run.workflow_run_id], pa.string()),
            "status": ([status], pa.string()),
            "reason": ([run.reason], pa.string()),
            "started_at": ([run.started_at], pa.timestamp("ms", tz="UTC")),
            "finished_at": ([run.finished_at], pa.timestamp("ms", tz="UTC")),
            "traces_analyzed": ([run.traces_analyzed], pa.uint64()),
            "sampled_traces": ([run.sampled_traces], pa.uint64()),
            "optimal_k": ([run.optimal_k], pa.uint32()),
            "silhouette_score": ([run.silhouette_score], pa.float64()),
            "verdict": ([run.verdict], pa.string()),
        }
        self._db.insert("clustering_runs", table(columns))

    def claim(self, run: RunRecord, run_ids: Sequence[str]) -> RunRecord:
        """Record a run under the first of ``run_ids`` that no other workflow claims.

        ClickHouse has no lock to take. So every claimant records first and looks then: of two
        that see each other both move on, and one that saw nobody is seen by all who come later.
        The last id is taken without looking: it has to be of the workflow's own.
        """
        *contested, own = run_ids
        for run_id in contested:
            claimed = replace(run, run_id=run_id)
            self.record(claimed)
            if not self._others(claimed):
                return claimed
            self._record(claimed, status=_YIELDED)
        last = replace(run, run_id=own)
        self.record(last)
        return last

    def get(self, team_id: int, run_id: str) -> RunRecord | None:
        """The latest record of one run."""
        rows = self._db.select(
            "SELECT * FROM clustering_runs FINAL WHERE team_id = {team_id:Int64} "
            "AND run_id = {run_id:String} AND status != {yielded:String}",
            team_id=team_id,
            run_id=run_id,
            yielded=_YIELDED,
        )
        return _run(rows[0]) if rows else None

    def of_workflow(self, team_id: int, workflow_run_id: str) -> RunRecord | None:
        """The run that a workflow claimed, if it came that far."""
        rows = self._db.select(
            "SELECT * FROM clustering_runs FINAL WHERE team_id = {team_id:Int64} "
            "AND workflow_run_id = {workflow_run_id:String} AND status != {yielded:String} "
            "ORDER BY updated_at DESC LIMIT 1",
            team_id=team_id,
            workflow_run_id=workflow_run_id,
            yielded=_YIELDED,
        )
        return _run(rows[0]) if rows else None

    def recent(
        self, team_id: int, limit: int = 100, *, status: RunStatus | None = None
    ) -> list[RunRecord]:
        """A team's runs, or those with a status, latest first."""
        rows = self._db.select(
            "SELECT * FROM clustering_runs FINAL "
            "WHERE team_id = {team_id:Int64} AND status != {yielded:String} "
            "AND ({status:String} = '' OR status = {status:String}) "
            "ORDER BY started_at DESC, run_id DESC LIMIT {limit:UInt32}",
            team_id=team_id,
            limit=limit,
            yielded=_YIELDED,
            status=status or "",
        )
        return [_run(row) for row in rows]

    def latest_with(self, team_id: int, trace_id: str) -> str | None:
        """The id of the latest completed run that put this trace into a cluster."""
        rows = self._db.select(_LATEST_WITH, team_id=team_id, trace_id=trace_id)
        return str(rows[0]["run_id"]) if rows else None

    def _others(self, run: RunRecord) -> bool:
        rows = self._db.select(
            "SELECT workflow_run_id FROM clustering_runs FINAL "
            "WHERE team_id = {team_id:Int64} AND run_id = {run_id:String} "
            "AND workflow_run_id != {own:String} AND status != {yielded:String} LIMIT 1",
            team_id=run.team_id,
            run_id=run.run_id,
            own=run.workflow_run_id,
            yielded=_YIELDED,
        )
        return bool(rows)

    def read_sample(self, ref: SampleRef) -> Sample:
        """Read a run's sample.

        The same traces are clustered alike, whatever the ids are that a client gave them.

        Raises:
            StoreError: it is not all there, e.g. because it is older than two days.
        """
        batches = list(
            self._db.arrow_batches(
                "SELECT trace_id, timestamp, embedding FROM clustering_samples "
                "WHERE team_id = {team_id:Int64} AND run_id = {run_id:String} "
                "AND attempt = {attempt:UInt32} ORDER BY timestamp, trace_id",
                team_id=ref.team_id,
                run_id=ref.run_id,
                attempt=ref.attempt,
            )
        )
        matrix = read_matrix(batches, "embedding", ref.dimensions)
        if len(matrix) != ref.size:
            raise StoreError(
                f"sample of {ref.run_id}: {len(matrix)} of {ref.size} rows are in the store"
            )
        rows = pa.Table.from_batches(batches).drop_columns(["embedding"])
        return Sample(rows["trace_id"].to_pylist(), rows["timestamp"], matrix)

    def write_centroids(
        self, team_id: int, run_id: str, stage: Stage, centroids: NDArray[np.float32]
    ) -> None:
        """Store centroids of shape (k, dimensions), replacing those of the same stage."""
        k = len(centroids)
        columns = {
            "team_id": ([team_id] * k, pa.int64()),
            "run_id": ([run_id] * k, pa.string()),
            "stage": ([stage] * k, pa.string()),
            "cluster_id": (list(range(k)), pa.uint32()),
        }
        rows = table(columns).append_column("centroid", vector_column(centroids))
        self._db.insert("clustering_centroids", rows)

    def read_centroids(
        self, team_id: int, run_id: str, stage: Stage, k: int, dimensions: int
    ) -> NDArray[np.float32]:
        """Read k centroids, shape (k, dimensions), by cluster id.

        Raises:
            StoreError: they are not all there.
        """
        rows = self._db.arrow_batches(
            "SELECT centroid FROM clustering_centroids FINAL "
            "WHERE team_id = {team_id:Int64} AND run_id = {run_id:String} "
            "AND stage = {stage:String} AND cluster_id < {k:UInt32} ORDER BY cluster_id",
            team_id=team_id,
            run_id=run_id,
            stage=stage,
            k=k,
        )
        centroids = read_matrix(list(rows), "centroid", dimensions)
        if len(centroids) != k:
            raise StoreError(f"centroids of {run_id}: {len(centroids)} of {k} are in the store")
        return centroids

    def write_assignments(
        self,
        team_id: int,
        run_id: str,
        sample: Sample,
        labels: NDArray[np.integer[Any]],
        distances: NDArray[np.float32],
    ) -> None:
        """Store each sampled trace's cluster and its distance to the centroid."""
        n = len(sample.trace_ids)
        rows = pa.table(
            {
                "team_id": pa.array([team_id] * n, pa.int64()),
                "run_id": pa.array([run_id] * n, pa.string()),
                "trace_id": pa.array(sample.trace_ids, pa.string()),
                "timestamp": sample.timestamps,
                "cluster_id": pa.array(labels.astype(np.uint32)),
                "distance": pa.array(distances.astype(np.float32)),
            }
        )
        self._db.insert("clustering_assignments", rows)

    def read_labels(self, ref: SampleRef, k: int) -> NDArray[np.int32]:
        """The cluster of every row of a sample, shape (ref.size,), in the sample's order.

        Raises:
            StoreError: they are not all there.
        """
        batches = self._db.arrow_batches(
            "SELECT cluster_id FROM clustering_assignments FINAL "
            "WHERE team_id = {team_id:Int64} AND run_id = {run_id:String} "
            "AND cluster_id < {k:UInt32} ORDER BY timestamp, trace_id",
            team_id=ref.team_id,
            run_id=ref.run_id,
            k=k,
        )
        columns = [batch.column("cluster_id").to_numpy() for batch in batches]
        labels = np.concatenate(columns) if columns else np.empty(0)
        if len(labels) != ref.size:
            raise StoreError(
                f"assignments of {ref.run_id}: {len(labels)} of {ref.size} are in the store"
            )
        return labels.astype(np.int32)

    def read_assignments(self, team_id: int, run_id: str, k: int) -> list[Assigned]:
        """Every cluster's traces, cluster 0 first, each closest first."""
        rows = self._db.select(
            """
            SELECT cluster_id, groupArray(trace_id) AS trace_ids
            FROM (
                SELECT cluster_id, trace_id FROM clustering_assignments FINAL
                WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
                    AND cluster_id < {k:UInt32}
                ORDER BY cluster_id, distance, trace_id
            )
            GROUP BY cluster_id ORDER BY cluster_id
            """,
            team_id=team_id,
            run_id=run_id,
            k=k,
        )
        return [Assigned(int(row["cluster_id"]), list(row["trace_ids"])) for row in rows]

    def members(
        self, team_id: int, run_id: str, *, cluster_id: int | None = None, limit: int = 3
    ) -> list[Member]:
        """The ``limit`` traces of each cluster, or of one, that lie closest to its centroid.

        Their text is the latest that is stored; empty where the trace is no longer kept.
        """
        return self._members(_MEMBERS, team_id, run_id, cluster_id, limit)

    def representatives(self, team_id: int, run_id: str, *, limit: int = 3) -> list[Member]:
        """Of each cluster the ``limit`` traces closest to its centroid that begin differently."""
        return self._members(_REPRESENTATIVES, team_id, run_id, None, limit)

    def _members(
        self, sql: str, team_id: int, run_id: str, cluster_id: int | None, limit: int
    ) -> list[Member]:
        rows = self._db.select(
            sql,
            team_id=team_id,
            run_id=run_id,
            cluster=-1 if cluster_id is None else cluster_id,
            limit=limit,
            prefix=RENDERING_PREFIX,
            minimal=RENDERING_MINIMAL,
        )
        return [_member(row) for row in rows]


# Assignments lie by run: with the runs at hand few of them are read.
_COMPLETED = """
    FROM clustering_runs FINAL WHERE team_id = {team_id:Int64} AND status = 'completed'
"""
_LATEST_WITH = f"""
    SELECT run_id {_COMPLETED} AND run_id IN (
        SELECT run_id FROM clustering_assignments
        WHERE team_id = {{team_id:Int64}} AND trace_id = {{trace_id:String}}
            AND run_id IN (SELECT run_id {_COMPLETED})
    )
    ORDER BY started_at DESC, run_id DESC LIMIT 1
"""

_CHOSEN = """
    SELECT trace_id, cluster_id, distance, timestamp
    FROM clustering_assignments FINAL
    WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
        AND ({cluster:Int64} < 0 OR cluster_id = {cluster:Int64})
"""
_CLOSEST = "ORDER BY cluster_id, distance, trace_id LIMIT {limit:UInt32} BY cluster_id"

# What is chosen with its text; ``opening`` is the text where nothing else is known.
_WITH_TEXTS = f"""
    SELECT chosen.trace_id AS trace_id, chosen.cluster_id AS cluster_id,
        chosen.distance AS distance, chosen.timestamp AS timestamp,
        texts.content AS content, texts.metadata AS metadata,
        if(texts.opening = '', texts.content, texts.opening) AS opening
    FROM chosen LEFT JOIN ({_TEXTS_OF_CHOSEN}) AS texts ON texts.document_id = chosen.trace_id
    ORDER BY cluster_id, distance, trace_id
"""
# Numbers, marks and case aside.
_WORDS = r"replaceRegexpAll(lowerUTF8(opening), '[^\\p{L}]+', ' ')"
_MEMBERS = f"WITH chosen AS ({_CHOSEN} {_CLOSEST}) {_WITH_TEXTS}"
_REPRESENTATIVES = f"""
    WITH chosen AS ({_CHOSEN})
    SELECT * FROM ({_WITH_TEXTS} LIMIT 1 BY cluster_id, {_WORDS}) {_CLOSEST}
"""


def _run(row: dict[str, Any]) -> RunRecord:
    finished: datetime | None = row["finished_at"]
    return RunRecord(
        run_id=row["run_id"],
        team_id=row["team_id"],
        status=row["status"],
        started_at=as_utc(row["started_at"]),
        finished_at=as_utc(finished) if finished else None,
        workflow_id=row["workflow_id"],
        workflow_run_id=row["workflow_run_id"],
        reason=row["reason"],
        traces_analyzed=int(row["traces_analyzed"]),
        sampled_traces=int(row["sampled_traces"]),
        optimal_k=int(row["optimal_k"]),
        silhouette_score=row["silhouette_score"],
        verdict=row["verdict"],
    )


def _member(row: dict[str, Any]) -> Member:
    return Member(
        trace_id=row["trace_id"],
        cluster_id=int(row["cluster_id"]),
        distance=float(row["distance"]),
        content=row["content"],
        metadata=row["metadata"],
        timestamp=as_utc(row["timestamp"]),
    )
