"""``traces``: what is known of each trace, and which of them are still to be summarized.

A trace is pending when events of it have come that its row has not seen, or when summarizing
it failed and may be tried again. What is compared is when events came in, not when they
happened: nothing is passed over because it came late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from trace_clustering.models.traces import TRACE_EVENTS, TraceFacts, TraceStatus
from trace_clustering.store.database import Database, table
from trace_clustering.store.events import ReceivedTrace
from trace_clustering.store.migrations import events_kept_days
from trace_clustering.store.parts import parts
from trace_clustering.store.times import as_utc

MAX_ATTEMPTS = 5
"""A trace whose summarization failed so often is left until more of it comes."""

_MICROSECONDS = pa.timestamp("us", tz="UTC")

# Events are counted too, because one may have been stored a moment after a later one was seen.
# Those past their time count as gone, whether or not a merge took them away yet: it may have
# taken the trace's row first, and the trace would be summarized again for nothing.
_PENDING = """
    SELECT arrived.team_id AS team_id, arrived.trace_id AS trace_id, arrived.newest AS newest,
        known.status = 'failed' AS has_failed
    FROM (
        SELECT team_id, trace_id, max(created_at) AS newest, uniqExact(uuid) AS events
        FROM events
        WHERE event IN {kinds:Array(String)} AND trace_id != ''
            AND ({team_id:Int64} = 0 OR team_id = {team_id:Int64})
            AND greatest(timestamp, created_at) > now64(6) - toIntervalDay({kept_days:UInt32})
        GROUP BY team_id, trace_id
        HAVING newest <= now64(6) - toIntervalSecond({quiet:UInt32})
    ) AS arrived
    LEFT JOIN (
        SELECT team_id, trace_id, seen_until, seen_events, status, attempts
        FROM traces FINAL
        WHERE ({team_id:Int64} = 0 OR team_id = {team_id:Int64})
    ) AS known ON arrived.team_id = known.team_id AND arrived.trace_id = known.trace_id
    WHERE arrived.newest > known.seen_until OR arrived.events > known.seen_events
        OR (known.status = 'failed' AND known.attempts < {most:UInt32})
"""


@dataclass(frozen=True)
class TraceRow:
    """A row of ``traces``.

    Attributes:
        title: of its summary; empty where it has none.
        reason: why it could not be summarized.
        attempts: how often it was tried since it last grew.
        seen_events, seen_until: how many of its events were seen, and when the last came in.
    """

    facts: TraceFacts
    title: str
    status: TraceStatus
    seen_events: int
    seen_until: datetime
    reason: str = ""
    attempts: int = 1

    def has_seen(self, received: ReceivedTrace) -> bool:
        """Whether all that has come of the trace was there when it was summarized, or tried."""
        return self.seen_until >= received.newest and self.seen_events >= len(received.events)


@dataclass(frozen=True)
class Snapshot:
    """Pending traces as they stood at one moment, in numbered batches from 0."""

    traces: int
    batches: int


class Traces:
    def __init__(self, database: Database) -> None:
        self._db = database

    def record(self, team_id: int, rows: Sequence[TraceRow]) -> None:
        """Store what is known of traces.

        A trace's later row takes the earlier one's place, unless that one has seen more.
        """
        if rows:
            self._db.insert("traces", _table(team_id, rows))

    def get(self, team_id: int, trace_ids: Sequence[str]) -> dict[str, TraceRow]:
        """What is known of these traces; those that were never summarized lack."""
        rows = (
            row
            for part in parts(trace_ids)
            for row in self._db.select(
                """
                SELECT * FROM traces FINAL
                WHERE team_id = {team_id:Int64} AND trace_id IN {trace_ids:Array(String)}
                """,
                team_id=team_id,
                trace_ids=part,
            )
        )
        return {row["trace_id"]: _row(row) for row in rows}

    def pending(self, team_id: int, *, quiet_seconds: int = 0, limit: int) -> list[str]:
        """Ids of traces to be summarized that have been quiet so long.

        Oldest arrivals first, and last of all those that have failed before.
        """
        rows = self._db.select(
            f"""
            SELECT trace_id FROM ({_PENDING}) WHERE team_id = {{team_id:Int64}}
            ORDER BY has_failed, newest, trace_id LIMIT {{limit:UInt64}}
            """,
            **self._pending(team_id, quiet_seconds),
            limit=limit,
        )
        return [row["trace_id"] for row in rows]

    def count_pending(self, team_id: int, *, quiet_seconds: int = 0) -> int:
        """How many traces are to be summarized."""
        rows = self._db.select(
            f"SELECT count() AS n FROM ({_PENDING}) WHERE team_id = {{team_id:Int64}}",
            **self._pending(team_id, quiet_seconds),
        )
        return int(rows[0]["n"])

    def teams_with_pending(
        self, *, quiet_seconds: int = 0, after: int | None = None, limit: int
    ) -> list[int]:
        """Teams with traces to be summarized, by ascending id; looks across all teams."""
        return list(self._waiting(quiet_seconds, after, limit))

    def waiting_by_team(self, *, quiet_seconds: int = 0) -> dict[int, int]:
        """How many traces are to be summarized, by team; looks across all teams."""
        return self._waiting(quiet_seconds, None, 2**63)

    def _waiting(self, quiet_seconds: int, after: int | None, limit: int) -> dict[int, int]:
        rows = self._db.select(
            f"""
            SELECT team_id, count() AS traces FROM ({_PENDING}) WHERE team_id > {{after:Int64}}
            GROUP BY team_id ORDER BY team_id LIMIT {{limit:UInt64}}
            """,
            **self._pending(0, quiet_seconds),
            after=-(2**63) if after is None else after,
            limit=limit,
        )
        return {int(row["team_id"]): int(row["traces"]) for row in rows}

    def take_snapshot(
        self, team_id: int, snapshot: str, *, quiet_seconds: int, batch_size: int, limit: int
    ) -> Snapshot:
        """Keep which traces are pending now, under a name, in batches of ``batch_size``.

        A name that was used already gives what it stands for, so that a second try changes no
        batch that may be under way.
        """
        taken = self._snapshot(team_id, snapshot)
        if not taken.traces:
            self._fill(team_id, snapshot, quiet_seconds, batch_size, limit)
            taken = self._snapshot(team_id, snapshot)
        return taken

    def _fill(
        self, team_id: int, snapshot: str, quiet_seconds: int, batch_size: int, limit: int
    ) -> None:
        self._db.execute(
            f"""
            INSERT INTO summarization_batches (team_id, snapshot, batch, trace_id)
            SELECT team_id, {{snapshot:String}},
                intDiv(
                    row_number() OVER (ORDER BY has_failed, newest, trace_id) - 1,
                    {{batch_size:UInt32}}
                ),
                trace_id
            FROM ({_PENDING}) WHERE team_id = {{team_id:Int64}}
            ORDER BY has_failed, newest, trace_id LIMIT {{limit:UInt64}}
            """,
            **self._pending(team_id, quiet_seconds),
            snapshot=snapshot,
            batch_size=batch_size,
            limit=limit,
        )

    def _snapshot(self, team_id: int, snapshot: str) -> Snapshot:
        rows = self._db.select(
            """
            SELECT count() AS traces, uniqExact(batch) AS batches FROM summarization_batches
            WHERE team_id = {team_id:Int64} AND snapshot = {snapshot:String}
            """,
            team_id=team_id,
            snapshot=snapshot,
        )
        return Snapshot(int(rows[0]["traces"]), int(rows[0]["batches"]))

    def batch(self, team_id: int, snapshot: str, batch: int) -> list[str]:
        """Ids of the traces of one batch of a snapshot."""
        rows = self._db.select(
            """
            SELECT trace_id FROM summarization_batches
            WHERE team_id = {team_id:Int64} AND snapshot = {snapshot:String}
                AND batch = {batch:UInt32}
            ORDER BY trace_id
            """,
            team_id=team_id,
            snapshot=snapshot,
            batch=batch,
        )
        return [row["trace_id"] for row in rows]

    def _pending(self, team_id: int, quiet_seconds: int) -> dict[str, Any]:
        """What ``_PENDING`` asks for; team 0, which no team is, stands for all."""
        return {
            "team_id": team_id,
            "quiet": quiet_seconds,
            "kept_days": events_kept_days(self._db),
            "kinds": list(TRACE_EVENTS),
            "most": MAX_ATTEMPTS,
        }


def _table(team_id: int, rows: Sequence[TraceRow]) -> pa.Table:
    columns: dict[str, tuple[object, pa.DataType]] = {
        "team_id": ([team_id] * len(rows), pa.int64()),
        "title": ([row.title for row in rows], pa.string()),
        "status": ([row.status for row in rows], pa.string()),
        "reason": ([row.reason for row in rows], pa.string()),
        "attempts": ([row.attempts for row in rows], pa.uint32()),
        "seen_events": ([row.seen_events for row in rows], pa.uint64()),
        "seen_until": ([row.seen_until for row in rows], _MICROSECONDS),
    }
    return table(columns | _fact_columns([row.facts for row in rows]))


def _fact_columns(facts: Sequence[TraceFacts]) -> dict[str, tuple[object, pa.DataType]]:
    names = pa.list_(pa.string())
    return {
        "trace_id": ([f.trace_id for f in facts], pa.string()),
        "timestamp": ([f.start for f in facts], _MICROSECONDS),
        "duration": ([f.duration for f in facts], pa.float64()),
        "name": ([f.name for f in facts], pa.string()),
        "models": ([list(f.models) for f in facts], names),
        "tools": ([list(f.tools) for f in facts], names),
        "input_tokens": ([f.input_tokens for f in facts], pa.uint64()),
        "output_tokens": ([f.output_tokens for f in facts], pa.uint64()),
        "cost_usd": ([f.cost_usd for f in facts], pa.float64()),
        "cost_source": ([f.cost_source for f in facts], pa.string()),
        "errors": ([f.errors for f in facts], pa.uint32()),
        "is_error": ([int(f.is_error) for f in facts], pa.uint8()),
        "user_id": ([f.user_id or "" for f in facts], pa.string()),
        "session_id": ([f.session_id or "" for f in facts], pa.string()),
        "spans": ([f.spans for f in facts], pa.uint32()),
    }


def _row(row: dict[str, Any]) -> TraceRow:
    facts = TraceFacts(
        trace_id=row["trace_id"],
        name=row["name"],
        start=as_utc(row["timestamp"]),
        duration=row["duration"],
        models=tuple(row["models"]),
        tools=tuple(row["tools"]),
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        cost_source=row["cost_source"],
        errors=row["errors"],
        is_error=bool(row["is_error"]),
        user_id=row["user_id"] or None,
        session_id=row["session_id"] or None,
        spans=row["spans"],
    )
    return TraceRow(
        facts=facts,
        title=row["title"],
        status=row["status"],
        seen_events=row["seen_events"],
        seen_until=as_utc(row["seen_until"]),
        reason=row["reason"],
        attempts=row["attempts"],
    )
