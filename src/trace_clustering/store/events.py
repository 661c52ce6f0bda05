"""``events``: what clients sent, summaries of traces and what runs found, one row an event.

An event's ``uuid`` says which it is: delivered again it is passed over, delivered with other
content it takes the older one's place.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import pyarrow as pa

from trace_clustering.constants import EVENT_NAME
from trace_clustering.models.traces import TRACE_EVENTS, TraceEvent
from trace_clustering.store.database import Database, table
from trace_clustering.store.parts import parts
from trace_clustering.store.times import as_micros, from_micros

_NAMESPACE = UUID("5f0e4c1e-9d0b-5b0e-8f0a-3b1c7a1d9c52")
DISTINCT_ID = "trace-clustering"

# A client that delivers again may have set the time anew.
_REDELIVERY_MICROS = 24 * 60 * 60 * 1_000_000
# So many of an event's versions are remembered.
_MAX_VERSIONS = 100

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
        self._arriving = _Arriving()

    def insert(self, team_id: int, events: Sequence[TraceEvent]) -> int:
        """Store events that are new or have changed; returns how many those were.

        Of two with one ``uuid`` the later in ``events`` counts. One that was stored before is
        not stored again, even where another version has come since: otherwise a file that holds
        both would never settle. What two processes store at the same moment may lie there twice
        until a merge; it is read once all the same.
        """
        return self._store(team_id, events, lambda version, stored: version in stored)

    def put(self, team_id: int, events: Sequence[TraceEvent]) -> int:
        """The same for what we made ourselves, such as summaries: what was said last counts.

        A version that another has replaced since is stored again.
        """
        return self._store(team_id, events, lambda version, stored: version == stored[-1])

    def _store(
        self,
        team_id: int,
        events: Sequence[TraceEvent],
        is_known: Callable[[int, Sequence[int]], bool],
    ) -> int:
        latest = {event.uuid: event for event in events}
        with self._arriving.alone({(team_id, uuid) for uuid in latest}):
            known = self._versions(team_id, latest)
            new = [
                event
                for event in latest.values()
                if event.uuid not in known or not is_known(_version(event), known[event.uuid])
            ]
            if new:
                # A token of its own: the table would refuse what it held once and let go of since.
                self._db.insert("events", _rows(team_id, new, known), token=str(uuid4()))
        return len(new)

    def sizes(self, team_id: int, trace_ids: Sequence[str]) -> dict[str, int]:
        """Characters of all that clients sent of these traces; those that are unknown lack."""
        return {
            row["trace_id"]: int(row["size"])
            for part in parts(trace_ids)
            for row in self._db.select(
                """
                SELECT trace_id, sum(length(properties)) AS size FROM events
                WHERE team_id = {team_id:Int64} AND trace_id IN {trace_ids:Array(String)}
                    AND event IN {kinds:Array(String)}
                GROUP BY trace_id
                """,
                team_id=team_id,
                trace_ids=part,
                kinds=list(TRACE_EVENTS),
            )
        }

    def of_traces(self, team_id: int, trace_ids: Sequence[str]) -> dict[str, ReceivedTrace]:
        """Everything that clients sent of these traces; those of which nothing is known lack."""
        found: dict[str, list[TraceEvent]] = {}
        came: dict[str, int] = {}
        for part in parts(trace_ids):
            for row in self._of_traces(team_id, part):
                event = _event(row)
                found.setdefault(event.trace_id, []).append(event)
                came[event.trace_id] = max(came.get(event.trace_id, 0), int(row["came"]))
        return {
            trace_id: ReceivedTrace(tuple(events), from_micros(came[trace_id]))
            for trace_id, events in found.items()
        }

    def _of_traces(self, team_id: int, trace_ids: list[str]) -> list[dict[str, Any]]:
        return self._db.select(
            f"""
            SELECT {_COLUMNS}, toUnixTimestamp64Micro(created_at) AS came
            FROM events
            WHERE team_id = {{team_id:Int64}} AND trace_id IN {{trace_ids:Array(String)}}
                AND event IN {{kinds:Array(String)}}
            ORDER BY created_at DESC LIMIT 1 BY trace_id, uuid
            """,
            team_id=team_id,
            trace_ids=trace_ids,
            kinds=list(TRACE_EVENTS),
        )

    def of_kind(self, team_id: int, event: str, trace_ids: Sequence[str]) -> dict[str, TraceEvent]:
        """By trace, the latest event of a kind that each has one of, such as its summary."""
        rows = (
            row
            for part in parts(trace_ids)
            for row in self._db.select(
                f"""
                SELECT {_COLUMNS} FROM events
                WHERE team_id = {{team_id:Int64}} AND trace_id IN {{trace_ids:Array(String)}}
                    AND event = {{event:String}}
                ORDER BY created_at DESC LIMIT 1 BY trace_id
                """,
                team_id=team_id,
                trace_ids=part,
                event=event,
            )
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
        self._db.insert("events", _rows(team_id, [event], {}), token=uuid)
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

    def _versions(self, team_id: int, events: Mapping[str, TraceEvent]) -> dict[str, list[int]]:
        """By uuid, the versions of these that were ever stored, the latest last."""
        found: dict[str, list[int]] = {}
        # By time, so that each part looks at few days.
        for part in parts(sorted(events, key=lambda uuid: events[uuid].timestamp)):
            rows = self._db.select(
                """
                SELECT toString(uuid) AS id, versions FROM events
                WHERE team_id = {team_id:Int64} AND uuid IN {uuids:Array(UUID)}
                    AND timestamp >= fromUnixTimestamp64Micro({first:Int64}, 'UTC')
                    AND timestamp <= fromUnixTimestamp64Micro({last:Int64}, 'UTC')
                ORDER BY created_at
                """,
                team_id=team_id,
                uuids=part,
                first=as_micros(events[part[0]].timestamp) - _REDELIVERY_MICROS,
                last=as_micros(events[part[-1]].timestamp) + _REDELIVERY_MICROS,
            )
            for row in rows:
                # The last of a row is its own.
                before = [v for v in found.get(row["id"], []) if v not in row["versions"]]
                found[row["id"]] = before + list(row["versions"])
        return found


class _Arriving:
    """Which events are being stored at this moment, so that nobody else stores them too."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._now: set[tuple[int, str]] = set()

    @contextmanager
    def alone(self, events: set[tuple[int, str]]) -> Iterator[None]:
        """Wait until no other thread has any of these, each a team and a uuid; then have them."""
        with self._changed:
            self._changed.wait_for(lambda: self._now.isdisjoint(events))
            self._now |= events
        try:
            yield
        finally:
            with self._changed:
                self._now -= events
                self._changed.notify_all()


def _rows(
    team_id: int, events: Sequence[TraceEvent], known: Mapping[str, Sequence[int]]
) -> pa.Table:
    """Each with the versions whose place it takes: a merge leaves no other trace of them."""
    versions = [[*known.get(e.uuid, ()), _version(e)][-_MAX_VERSIONS:] for e in events]
    return table(
        {
            "uuid": ([e.uuid for e in events], pa.string()),
            "event": ([e.event for e in events], pa.string()),
            "trace_id": ([e.trace_id for e in events], pa.string()),
            "properties": ([e.properties for e in events], pa.string()),
            "timestamp": ([e.timestamp for e in events], _MICROSECONDS),
            "team_id": ([team_id] * len(events), pa.int64()),
            "distinct_id": ([e.distinct_id for e in events], pa.string()),
            "versions": (versions, pa.list_(pa.uint64())),
        }
    )


def _event(row: dict[str, Any]) -> TraceEvent:
    return TraceEvent(
        uuid=str(row["uuid"]),
        event=row["event"],
        trace_id=row["trace_id"],
        distinct_id=row["distinct_id"],
        timestamp=from_micros(row["at"]),
        properties=row["properties"],
    )


def _version(event: TraceEvent) -> int:
    """A digest of all that it says but its time, which a client may set anew."""
    said = "\0".join((event.event, event.distinct_id, event.properties))
    return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest(), "big")
