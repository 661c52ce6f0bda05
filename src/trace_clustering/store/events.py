"""``events``: what clients sent, summaries of traces and what runs found, one row an event.

An event's ``uuid`` says which it is: delivered again it is passed over, delivered with other
content it takes the older one's place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import pyarrow as pa

from trace_clustering.constants import EVENT_NAME
from trace_clustering.models.traces import TRACE_EVENTS, TraceEvent
from trace_clustering.store.database import Database, table
from trace_clustering.store.times import as_micros, from_micros

_NAMESPACE = UUID("5f0e4c1e-9d0b-5b0e-8f0a-3b1c7a1d9c52")
DISTINCT_ID = "trace-clustering"

# Bound parameters travel in the URL, which may be a megabyte long.
_UUIDS_A_QUERY = 4_000
# A client that delivers again may have set the time anew.
_REDELIVERY = timedelta(days=1)

_MICROSECONDS = pa.timestamp("us", tz="UTC")
_COLUMNS = "uuid, event, trace_id, distinct_id, properties, toUnixTimestamp64Micro(timestamp) AS at"


@dataclass(frozen=True)
class ReceivedTrace:
    """What has come of a trace so far.

    Attributes:
        events: each once, in its latest version; in no particular order.
        newest: when the last of them came in.
    """

    events: tuple[TraceEvent, ...]
    newest: datetime


def event_uuid(run_id: str) -> UUID:
    """The id of the event that a run emits."""
    return uuid5(_NAMESPACE, run_id)


class Events:
    def __init__(self, database: Database) -> None:
        self._db = database

    def insert(self, team_id: int, events: Sequence[TraceEvent]) -> int:
        """Store events that are new or have changed; returns how many those were.

        Of two with one ``uuid`` the later in ``events`` counts. One that was stored before is
        not stored again, even where another version has come since: otherwise a file that holds
        both would never settle.
        """
        latest = {event.uuid: event for event in events}
        known = self._known(team_id, list(latest.values()))
        new = [e for e in latest.values() if (e.uuid, _digest(e.properties)) not in known]
        if new:
            self._db.insert("events", _rows(team_id, new), token=_token(team_id, new))
        return len(new)

    def of_traces(self, team_id: int, trace_ids: Sequence[str]) -> dict[str, ReceivedTrace]:
        """Everything that clients sent of these traces; those of which nothing is known lack."""
        rows = self._db.select(
            f"""
            SELECT {_COLUMNS}, toUnixTimestamp64Micro(created_at) AS came
            FROM events
            WHERE team_id = {{team_id:Int64}} AND trace_id IN {{trace_ids:Array(String)}}
                AND event IN {{kinds:Array(String)}}
            ORDER BY created_at DESC LIMIT 1 BY uuid
            """,
            team_id=team_id,
            trace_ids=list(trace_ids),
            kinds=list(TRACE_EVENTS),
        )
        came: dict[str, int] = {}
        found: dict[str, list[TraceEvent]] = {}
        for row in rows:
            found.setdefault(row["trace_id"], []).append(_event(row))
            came[row["trace_id"]] = max(came.get(row["trace_id"], 0), row["came"])
        return {
            trace_id: ReceivedTrace(tuple(events), from_micros(came[trace_id]))
            for trace_id, events in found.items()
        }

    def of_kind(self, team_id: int, event: str, trace_ids: Sequence[str]) -> dict[str, TraceEvent]:
        """By trace, the latest event of a kind that each has one of, such as its summary."""
        rows = self._db.select(
            f"""
            SELECT {_COLUMNS} FROM events
            WHERE team_id = {{team_id:Int64}} AND trace_id IN {{trace_ids:Array(String)}}
                AND event = {{event:String}}
            ORDER BY created_at DESC LIMIT 1 BY trace_id
            """,
            team_id=team_id,
            trace_ids=list(trace_ids),
            event=event,
        )
        return {row["trace_id"]: _event(row) for row in rows}

    def emit(self, team_id: int, run_id: str, timestamp: datetime, properties: str) -> bool:
        """Store a run's ``$ai_trace_clusters`` event; False if it is stored already.

        A second emission finds the first one; two at the same moment carry the same
        deduplication token, and the table's engine and order would fold them at the latest.
        """
        if self.properties(team_id, run_id) is not None:
            return False
        uuid = str(event_uuid(run_id))
        event = TraceEvent(uuid, EVENT_NAME, "", DISTINCT_ID, timestamp, properties)
        self._db.insert("events", _rows(team_id, [event]), token=uuid)
        return True

    def properties(self, team_id: int, run_id: str) -> str | None:
        """A run's event as it was stored, JSON text; None if it emitted none."""
        rows = self._db.select(
            """
            SELECT properties FROM events
            WHERE team_id = {team_id:Int64} AND event = {event:String}
                AND uuid = {uuid:UUID}
            ORDER BY created_at LIMIT 1
            """,
            team_id=team_id,
            event=EVENT_NAME,
            uuid=str(event_uuid(run_id)),
        )
        return str(rows[0]["properties"]) if rows else None

    def latest_run_ids(self) -> dict[int, str]:
        """Every team's latest run that emitted an event."""
        rows = self._db.select(
            """
            SELECT team_id,
                argMax(JSONExtractString(properties, '$ai_clustering_run_id'), timestamp) AS run_id
            FROM events WHERE event = {event:String} GROUP BY team_id
            """,
            event=EVENT_NAME,
        )
        return {int(row["team_id"]): str(row["run_id"]) for row in rows}

    def _known(self, team_id: int, events: Sequence[TraceEvent]) -> set[tuple[str, str]]:
        """(uuid, digest) of every version of these that is stored."""
        known: set[tuple[str, str]] = set()
        for part in _parts(events, _UUIDS_A_QUERY):
            rows = self._db.select(
                """
                SELECT toString(uuid) AS id, lower(hex(MD5(properties))) AS digest FROM events
                WHERE team_id = {team_id:Int64} AND uuid IN {uuids:Array(UUID)}
                    AND timestamp >= fromUnixTimestamp64Micro({first:Int64}, 'UTC')
                    AND timestamp <= fromUnixTimestamp64Micro({last:Int64}, 'UTC')
                """,
                team_id=team_id,
                uuids=[event.uuid for event in part],
                first=as_micros(min(event.timestamp for event in part) - _REDELIVERY),
                last=as_micros(max(event.timestamp for event in part)),
            )
            known |= {(row["id"], row["digest"]) for row in rows}
        return known


def _parts(events: Sequence[TraceEvent], size: int) -> Iterator[Sequence[TraceEvent]]:
    for start in range(0, len(events), size):
        yield events[start : start + size]


def _rows(team_id: int, events: Sequence[TraceEvent]) -> pa.Table:
    return table(
        {
            "uuid": ([e.uuid for e in events], pa.string()),
            "event": ([e.event for e in events], pa.string()),
            "trace_id": ([e.trace_id for e in events], pa.string()),
            "properties": ([e.properties for e in events], pa.string()),
            "timestamp": ([e.timestamp for e in events], _MICROSECONDS),
            "team_id": ([team_id] * len(events), pa.int64()),
            "distinct_id": ([e.distinct_id for e in events], pa.string()),
        }
    )


def _event(row: dict[str, object]) -> TraceEvent:
    return TraceEvent(
        uuid=str(row["uuid"]),
        event=str(row["event"]),
        trace_id=str(row["trace_id"]),
        distinct_id=str(row["distinct_id"]),
        timestamp=from_micros(int(str(row["at"]))),
        properties=str(row["properties"]),
    )


def _digest(properties: str) -> str:
    return hashlib.md5(properties.encode(), usedforsecurity=False).hexdigest()


def _token(team_id: int, events: Sequence[TraceEvent]) -> str:
    """Of the same events, the same: two deliveries at one moment are folded by the table."""
    said = sorted((event.uuid, _digest(event.properties)) for event in events)
    return hashlib.sha256(json.dumps([team_id, said]).encode()).hexdigest()
