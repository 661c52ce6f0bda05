"""What runs tell beyond their clusters, and what of it is known of each trace.

Everything is written so that writing it again changes nothing: activities are retried. What a
part says of the run as a whole is under the group ``OF_RUN``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trace_clustering.constants import RENDERING_MINIMAL, RENDERING_PREFIX
from trace_clustering.models.findings import Outlier, Part
from trace_clustering.store.database import Database, table
from trace_clustering.store.group_facts import KnownOfGroup, group_facts
from trace_clustering.store.texts import TEXTS_OF_CHOSEN as _TEXTS_OF_CHOSEN

MAX_TEXT_CHARS = 4_000


@dataclass(frozen=True)
class SampledText:
    """A sampled trace as a person or a model may read it.

    Attributes:
        content: its text as it is embedded, ids and numbers left out.
        opening: how it begins, in its own words.
        user_id: who it was run for; empty where that is not known.
    """

    trace_id: str
    content: str
    opening: str
    user_id: str = ""


class Findings:
    def __init__(self, database: Database) -> None:
        self._db = database

    def write(
        self, team_id: int, run_id: str, part: Part, findings: Mapping[int, Mapping[str, Any]]
    ) -> None:
        """Store a part by group.

        Whatever else belongs to the part has to be stored before.
        """
        groups = list(findings)
        columns = {
            "team_id": ([team_id] * len(groups), pa.int64()),
            "run_id": ([run_id] * len(groups), pa.string()),
            "part": ([part] * len(groups), pa.string()),
            "group_id": (groups, pa.int32()),
            "finding": ([_json(findings[group]) for group in groups], pa.string()),
        }
        self._db.insert("clustering_findings", table(columns))

    def read(self, team_id: int, run_id: str, part: Part) -> dict[int, dict[str, Any]]:
        """A part as it was written; empty if it was not."""
        rows = self._db.select(
            "SELECT group_id, finding FROM clustering_findings FINAL "
            "WHERE team_id = {team_id:Int64} AND run_id = {run_id:String} "
            "AND part = {part:String} ORDER BY group_id",
            team_id=team_id,
            run_id=run_id,
            part=part,
        )
        return {int(row["group_id"]): json.loads(row["finding"]) for row in rows}

    def write_leaves(
        self,
        team_id: int,
        run_id: str,
        trace_ids: Sequence[str],
        leaf_ids: NDArray[np.integer[Any]],
    ) -> None:
        """Store each sampled trace's leaf."""
        columns = {"leaf_id": pa.array(leaf_ids.astype(np.uint32))}
        self._write_of_traces("clustering_leaves", team_id, run_id, trace_ids, columns)

    def write_outliers(
        self,
        team_id: int,
        run_id: str,
        trace_ids: Sequence[str],
        scores: NDArray[np.float64],
        reasons: Sequence[str],
    ) -> None:
        """Store each sampled trace's score; ``reasons`` are empty for those that fit."""
        columns = {
            "score": pa.array(scores),
            "is_outlier": pa.array([int(bool(reason)) for reason in reasons], pa.uint8()),
            "reason": pa.array(reasons, pa.string()),
        }
        self._write_of_traces("clustering_outliers", team_id, run_id, trace_ids, columns)

    def write_map(
        self, team_id: int, run_id: str, trace_ids: Sequence[str], points: NDArray[np.float32]
    ) -> None:
        """Store where each sampled trace lies on the map; ``points`` is (n, 2)."""
        columns = {"x": pa.array(points[:, 0]), "y": pa.array(points[:, 1])}
        self._write_of_traces("clustering_map", team_id, run_id, trace_ids, columns)

    def leaves(self, team_id: int, run_id: str) -> dict[str, int]:
        """Each sampled trace's leaf."""
        rows = self._db.select(
            "SELECT trace_id, leaf_id FROM clustering_leaves FINAL "
            "WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}",
            team_id=team_id,
            run_id=run_id,
        )
        return {row["trace_id"]: int(row["leaf_id"]) for row in rows}

    def points(self, team_id: int, run_id: str) -> dict[str, tuple[float, float]]:
        """Where each sampled trace lies on the map."""
        rows = self._db.select(
            f"SELECT trace_id, {_PLACE} FROM clustering_map FINAL "
            "WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}",
            team_id=team_id,
            run_id=run_id,
        )
        return {row["trace_id"]: (row["x"], row["y"]) for row in rows}

    def outliers(self, team_id: int, run_id: str) -> list[Outlier]:
        """The traces that stand out, the most unusual first."""
        rows = self._db.select(
            """
            SELECT o.trace_id AS trace_id, a.cluster_id AS cluster_id, o.score AS score,
                o.reason AS reason
            FROM clustering_outliers AS o FINAL INNER JOIN (
                SELECT trace_id, cluster_id FROM clustering_assignments FINAL
                WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
            ) AS a ON a.trace_id = o.trace_id
            WHERE o.team_id = {team_id:Int64} AND o.run_id = {run_id:String} AND o.is_outlier
            ORDER BY score DESC, trace_id
            """,
            team_id=team_id,
            run_id=run_id,
        )
        return [Outlier(r["trace_id"], int(r["cluster_id"]), r["score"], r["reason"]) for r in rows]

    def facts(
        self, team_id: int, run_id: str, paths: Mapping[int, Sequence[int]]
    ) -> dict[int, KnownOfGroup]:
        """What is known of every group's traces, and under ``OF_RUN`` of all.

        Args:
            paths: for each leaf the groups below the top that it belongs to, itself among them;
                empty if the run has no levels.
        """
        return group_facts(self._db, team_id, run_id, paths)

    def texts(self, team_id: int, run_id: str) -> list[SampledText]:
        """The sampled traces' texts in the order in which a sample is read.

        Empty where a trace has no text.
        """
        batches = self._db.arrow_batches(
            _TEXTS,
            team_id=team_id,
            run_id=run_id,
            prefix=RENDERING_PREFIX,
            minimal=RENDERING_MINIMAL,
            chars=MAX_TEXT_CHARS,
        )
        return [
            SampledText(row["trace_id"], row["content"], row["opening"], row["user_id"])
            for batch in batches
            for row in batch.to_pylist()
        ]

    def _write_of_traces(
        self,
        name: str,
        team_id: int,
        run_id: str,
        trace_ids: Sequence[str],
        columns: Mapping[str, pa.Array],
    ) -> None:
        keys = {
            "team_id": pa.array([team_id] * len(trace_ids), pa.int64()),
            "run_id": pa.array([run_id] * len(trace_ids), pa.string()),
            "trace_id": pa.array(trace_ids, pa.string()),
        }
        self._db.insert(name, pa.table({**keys, **columns}))


# As they were written: 0.2332, not the 0.23319999873638153 that half the bits say more precisely.
_PLACE = "round(toFloat64(x), 4) AS x, round(toFloat64(y), 4) AS y"

_TEXTS = f"""
    WITH chosen AS (
        SELECT trace_id, timestamp FROM clustering_assignments FINAL
        WHERE team_id = {{team_id:Int64}} AND run_id = {{run_id:String}}
    )
    SELECT chosen.trace_id AS trace_id,
        substringUTF8(texts.content, 1, {{chars:UInt32}}) AS content,
        if(texts.opening = '', content, texts.opening) AS opening,
        JSONExtractString(texts.metadata, 'user_id') AS user_id
    FROM chosen LEFT JOIN ({_TEXTS_OF_CHOSEN}) AS texts ON texts.document_id = chosen.trace_id
    ORDER BY chosen.timestamp, trace_id
"""


def _json(finding: Mapping[str, Any]) -> str:
    return json.dumps(finding, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
