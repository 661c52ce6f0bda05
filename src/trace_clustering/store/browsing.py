"""A run's traces as people look through them, and as they are drawn on the map.

Both are read from what was gathered of a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trace_clustering.models.browsing import (
    BrowsedTrace,
    Flow,
    Place,
    Standing,
    TraceFilter,
    TraceOrder,
    TracePage,
)
from trace_clustering.store.database import Database
from trace_clustering.store.gathering import Gathering
from trace_clustering.store.parts import parts
from trace_clustering.store.times import as_millis, as_utc

NO_LEAF = 0xFFFFFFFF
"""Stands for the leaf of a trace that has none."""


@dataclass(frozen=True)
class MapPoints:
    """A run's traces on the map, ordered by time, then by id; all of shape (n,).

    Attributes:
        x, y: NaN for a trace that has no place.
        leaf: ``NO_LEAF`` for a trace that has none.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    leaf: NDArray[np.uint32]
    cluster: NDArray[np.uint16]
    is_outlier: NDArray[np.bool_]


class Browsing:
    def __init__(self, database: Database) -> None:
        self._db = database
        self._gathering = Gathering(database)

    def page(
        self,
        team_id: int,
        run_id: str,
        which: TraceFilter,
        order: TraceOrder,
        *,
        limit: int,
        offset: int,
    ) -> TracePage:
        """The wanted ones of a run's sampled traces, ``limit`` of them from ``offset`` on."""
        self.gather(team_id, run_id)
        values = _values(team_id, run_id, which)
        rows = self._db.select(
            _IDS + _conditions(which) + _ORDERS[order] + _SLICE,
            **values,
            limit=limit,
            offset=offset,
        )
        if rows:
            ids = [row["trace_id"] for row in rows]
            return TracePage(int(rows[0]["total"]), self._of_ids(team_id, run_id, ids))
        if offset == 0:
            return TracePage(0, [])
        counted = self._db.select(_COUNT + _conditions(which), **values)
        return TracePage(int(counted[0]["total"]), [])

    def rows(
        self, team_id: int, run_id: str, which: TraceFilter, order: TraceOrder
    ) -> Iterator[pa.RecordBatch]:
        """All that is known of the wanted ones, in the same order; unknown values are null."""
        self.gather(team_id, run_id)
        return self._db.arrow_batches(
            _ROWS + _conditions(which) + _ORDERS[order], **_values(team_id, run_id, which)
        )

    def at(self, team_id: int, run_id: str, number: int) -> BrowsedTrace | None:
        """The trace with this number on the map: its place by time, then by id; from 0."""
        self.gather(team_id, run_id)
        rows = self._db.select(_AT, team_id=team_id, run_id=run_id, number=number)
        found = self._of_ids(team_id, run_id, [row["trace_id"] for row in rows])
        return found[0] if found else None

    def openings(self, team_id: int, run_id: str, trace_ids: Sequence[str]) -> dict[str, str]:
        """How these of a run's traces begin, in their own words; empty without a text."""
        if not trace_ids:
            return {}
        self.gather(team_id, run_id)
        return {one.trace_id: one.opening for one in self._of_ids(team_id, run_id, trace_ids)}

    def map_points(self, team_id: int, run_id: str) -> MapPoints:
        """Where all sampled traces lie; empty if the run has no map."""
        self.gather(team_id, run_id)
        batches = list(
            self._db.arrow_batches(_POINTS, team_id=team_id, run_id=run_id, none=NO_LEAF)
        )
        drawn = pa.Table.from_batches(batches) if batches else _NO_POINTS
        if np.isnan(drawn["x"]).all():
            drawn = drawn.slice(0, 0)
        return MapPoints(
            x=_column(drawn, "x", np.float32),
            y=_column(drawn, "y", np.float32),
            leaf=_column(drawn, "leaf", np.uint32),
            cluster=_column(drawn, "cluster", np.uint16),
            is_outlier=_column(drawn, "is_outlier", np.bool_),
        )

    def standing(self, team_id: int, run_id: str, trace_id: str) -> Standing | None:
        """How typical a sampled trace is; None if the run did not sample it."""
        self.gather(team_id, run_id)
        traces = self._of_ids(team_id, run_id, [trace_id])
        if not traces:
            return None
        keys = {"team_id": team_id, "run_id": run_id, "trace_id": trace_id}
        row = {name: int(value) for name, value in self._db.select(_STANDING, **keys)[0].items()}
        near = row["farther"], row["as_far"], row["of_cluster"]
        usual = row["stranger"], row["as_strange"], row["scored"]
        return Standing(
            trace=traces[0],
            closer=_mid_rank(*near),
            ordinary=_mid_rank(*usual) if row["scored"] else None,
            all_as_close=row["as_far"] == row["of_cluster"],
            all_as_ordinary=row["as_strange"] == row["scored"] > 0,
        )

    def flows(self, team_id: int, before_run_id: str, after_run_id: str) -> list[Flow]:
        """What became of the traces that two runs share, the most traces first."""
        rows = self._db.select(_FLOWS, team_id=team_id, before=before_run_id, after=after_run_id)
        return [Flow(int(r["before"]), int(r["after"]), int(r["traces"])) for r in rows]

    def gather(self, team_id: int, run_id: str) -> None:
        """Gather what is known of a run's traces, unless that was done or the run has not ended."""
        self._gathering.gather(team_id, run_id)

    def _of_ids(self, team_id: int, run_id: str, trace_ids: Sequence[str]) -> list[BrowsedTrace]:
        """Those of these that the run sampled, in this order."""
        found = {
            row["trace_id"]: _browsed(row)
            for part in parts(trace_ids)
            for row in self._db.select(_BY_IDS, team_id=team_id, run_id=run_id, trace_ids=part)
        }
        return [found[trace_id] for trace_id in trace_ids if trace_id in found]


def _mid_rank(beyond: int, equal: int, in_all: int) -> float:
    """The share of the others that lie beyond a trace; each equal one counts as half.

    ``equal`` and ``in_all`` count the trace itself.
    """
    others = in_all - 1
    return (beyond + (equal - 1) / 2) / others if others else 0.5


def _column(drawn: pa.Table, name: str, kind: type[np.generic]) -> NDArray[Any]:
    values: NDArray[Any] = drawn[name].to_numpy().astype(kind)
    return values


_NO_POINTS = pa.table(
    {name: pa.array([], pa.float32()) for name in ("x", "y", "leaf", "cluster", "is_outlier")}
)

# -- one page ------------------------------------------------------------------------------------

# Statements say of which table a column is where they give its name to something rounded.
_OF_RUN = """
    FROM clustering_traces AS r FINAL WHERE team_id = {team_id:Int64} AND run_id = {run_id:String}
"""
_IDS = f"SELECT trace_id, count() OVER () AS total {_OF_RUN}"
_COUNT = f"SELECT count() AS total {_OF_RUN}"
_SLICE = " LIMIT {limit:UInt64} OFFSET {offset:UInt64}"

# As they were written: 0.2332, not the 0.23319999873638153 that half the bits say more precisely.
_PLACE = "round(toFloat64(x), 4) AS x, round(toFloat64(y), 4) AS y"
_KNOWN = f"""
    trace_id, timestamp, cluster_id, round(toFloat64(distance), 6) AS distance, leaf_id, {_PLACE},
    outlier_score, CAST(is_outlier AS Nullable(Bool)) AS is_outlier, outlier_reason,
    title, opening, models, tools, input_tokens, output_tokens, cost_usd,
    latency AS latency_seconds, errors, CAST(is_error AS Nullable(Bool)) AS is_error,
    user_id, session_id
"""
_ROWS = f"SELECT {_KNOWN} {_OF_RUN}"
_BY_IDS = f"{_ROWS} AND trace_id IN {{trace_ids:Array(String)}}"
_AT = f"""
    SELECT trace_id {_OF_RUN} ORDER BY r.timestamp, trace_id LIMIT 1 OFFSET {{number:UInt64}}
"""

# What is not known comes last, whatever the order; ids make it the same each time.
_ORDERS: dict[TraceOrder, str] = {
    "closest": " ORDER BY r.distance, trace_id",
    "unusual": " ORDER BY r.outlier_score DESC NULLS LAST, r.distance DESC, trace_id",
    "cost": " ORDER BY r.cost_usd DESC NULLS LAST, trace_id",
    "latency": " ORDER BY r.latency DESC NULLS LAST, trace_id",
    "errors": (
        " ORDER BY r.errors DESC NULLS LAST, r.is_error DESC NULLS LAST, r.distance, trace_id"
    ),
    "newest": " ORDER BY r.timestamp DESC, trace_id",
    "oldest": " ORDER BY r.timestamp, trace_id",
}

# By the even-odd rule: inside is where a line to the right crosses an odd number of edges. The
# engine's own function wants polygons that do not cross themselves, and hands do not care.
_INSIDE = """
    r.x IS NOT NULL AND arraySum(
        (from_x, from_y, to_y, slope) ->
            ((to_y > assumeNotNull(r.y)) != (from_y > assumeNotNull(r.y)))
            AND assumeNotNull(r.x) < from_x + slope * (assumeNotNull(r.y) - from_y),
        {from_x:Array(Float64)}, {from_y:Array(Float64)}, {to_y:Array(Float64)},
        {slope:Array(Float64)}
    ) % 2 = 1
"""
# In numbers, because a date may be one that the engine does not know.
_ON_THE_DAY = """
    toUnixTimestamp64Milli(r.timestamp) >= {day:Int64}
    AND toUnixTimestamp64Milli(r.timestamp) < {day:Int64} + 86400000
"""
_CONTAINS = """
    (positionCaseInsensitiveUTF8(title, {text:String}) > 0
    OR positionCaseInsensitiveUTF8(opening, {text:String}) > 0
    OR positionCaseInsensitiveUTF8(content, {text:String}) > 0)
"""


def _conditions(which: TraceFilter) -> str:
    """What a statement says of a filter; ``_values`` has what it binds."""
    wanted = {
        "cluster_id = {cluster_id:UInt32}": which.cluster_id is not None,
        "has({leaf_ids:Array(UInt32)}, assumeNotNull(leaf_id)) AND leaf_id IS NOT NULL": (
            which.leaf_ids is not None
        ),
        "has(models, {model:String})": bool(which.model),
        "has(tools, {tool:String})": bool(which.tool),
        "user_id = {user:String}": bool(which.user),
        "(r.errors > 0 OR r.is_error = 1)": which.errors,
        "r.is_outlier = 1": which.outliers,
        _ON_THE_DAY: which.day is not None,
        _INSIDE: bool(which.lasso),
        _CONTAINS: bool(which.text),
    }
    return "".join(f" AND {condition}" for condition, is_wanted in wanted.items() if is_wanted)


def _values(team_id: int, run_id: str, which: TraceFilter) -> dict[str, Any]:
    values: dict[str, Any] = {
        "cluster_id": which.cluster_id,
        "leaf_ids": None if which.leaf_ids is None else list(which.leaf_ids),
        "text": which.text or None,
        "model": which.model or None,
        "tool": which.tool or None,
        "user": which.user or None,
        "day": None if which.day is None else as_millis(_start_of(which.day)),
        **_edges(which.lasso),
    }
    given = {name: value for name, value in values.items() if value is not None}
    return {"team_id": team_id, "run_id": run_id, **given}


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _edges(corners: Sequence[Place]) -> dict[str, list[float]]:
    """Each edge of a polygon: where it begins, how far up it goes, and x for each step up."""
    if not corners:
        return {}
    ends = [*corners[1:], corners[0]]
    return {
        "from_x": [x for x, _ in corners],
        "from_y": [y for _, y in corners],
        "to_y": [y for _, y in ends],
        "slope": [_slope(start, end) for start, end in zip(corners, ends, strict=True)],
    }


def _slope(start: Place, end: Place) -> float:
    """0 for an edge that goes up so little that no point lies between its ends."""
    run, rise = end[0] - start[0], end[1] - start[1]
    slope = run / rise if rise else 0.0
    return slope if math.isfinite(slope) else 0.0


# -- the map, and how typical a trace is ---------------------------------------------------------

_POINTS = f"""
    SELECT ifNull(x, nan) AS x, ifNull(y, nan) AS y, ifNull(leaf_id, {{none:UInt32}}) AS leaf,
        toUInt16(cluster_id) AS cluster, ifNull(is_outlier, 0) AS is_outlier
    {_OF_RUN} ORDER BY r.timestamp, trace_id
"""

_STANDING = f"""
    WITH (SELECT (cluster_id, distance, outlier_score) {_OF_RUN}
        AND trace_id = {{trace_id:String}}) AS own
    SELECT countIf(cluster_id = own.1) AS of_cluster,
        countIf(cluster_id = own.1 AND distance > own.2) AS farther,
        countIf(cluster_id = own.1 AND distance = own.2) AS as_far,
        if(isNull(own.3), 0, count(outlier_score)) AS scored,
        countIf(outlier_score > own.3) AS stranger, countIf(outlier_score = own.3) AS as_strange
    {_OF_RUN}
"""

_FLOWS = """
    SELECT earlier.cluster_id AS before, later.cluster_id AS after, count() AS traces
    FROM (
        SELECT trace_id, cluster_id FROM clustering_assignments FINAL
        WHERE team_id = {team_id:Int64} AND run_id = {before:String}
    ) AS earlier INNER JOIN (
        SELECT trace_id, cluster_id FROM clustering_assignments FINAL
        WHERE team_id = {team_id:Int64} AND run_id = {after:String}
    ) AS later ON later.trace_id = earlier.trace_id
    GROUP BY before, after ORDER BY traces DESC, before, after
"""


def _browsed(row: dict[str, Any]) -> BrowsedTrace:
    return BrowsedTrace(
        trace_id=row["trace_id"],
        timestamp=as_utc(row["timestamp"]),
        cluster_id=int(row["cluster_id"]),
        distance=row["distance"],
        leaf_id=row["leaf_id"],
        outlier_score=row["outlier_score"],
        outlier_reason=row["outlier_reason"],
        x=row["x"],
        y=row["y"],
        title=row["title"],
        opening=row["opening"],
        models=list(row["models"]),
        tools=list(row["tools"]),
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        latency=row["latency_seconds"],
        errors=row["errors"],
        is_error=row["is_error"],
        user_id=row["user_id"],
        session_id=row["session_id"],
    )
