"""``events``: one row an event. An event's id follows from its run's, so it is stored once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

import pyarrow as pa

from trace_clustering.constants import EVENT_NAME
from trace_clustering.store.database import Database, table

_NAMESPACE = UUID("5f0e4c1e-9d0b-5b0e-8f0a-3b1c7a1d9c52")
DISTINCT_ID = "trace-clustering"


def event_uuid(run_id: str) -> UUID:
    """The id of the event that a run emits."""
    return uuid5(_NAMESPACE, run_id)


class Events:
    def __init__(self, database: Database) -> None:
        self._db = database

    def emit(self, team_id: int, run_id: str, timestamp: datetime, properties: str) -> bool:
        """Store a run's ``$ai_trace_clusters`` event; False if it is stored already.

        A second emission finds the first one; two at the same moment carry the same
        deduplication token, and the table's engine and order would fold them at the latest.
        """
        if self.properties(team_id, run_id) is not None:
            return False
        uuid = str(event_uuid(run_id))
        columns = {
            "uuid": ([uuid], pa.string()),
            "event": ([EVENT_NAME], pa.string()),
            "properties": ([properties], pa.string()),
            "timestamp": ([timestamp], pa.timestamp("us", tz="UTC")),
            "team_id": ([team_id], pa.int64()),
            "distinct_id": ([DISTINCT_ID], pa.string()),
        }
        self._db.insert("events", table(columns), token=uuid)
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
