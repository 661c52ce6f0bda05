"""Prints what a data folder holds of each team's traces, as JSON; of those named, if any is.

A program of its own, because a process may open one folder only.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trace_clustering.constants import RENDERING_MINIMAL
from trace_clustering.models.traces import TRACE_EVENTS
from trace_clustering.store.database import Database
from trace_clustering.store.events import Events
from trace_clustering.store.traces import Traces
from trace_clustering.traces.assembly import assemble
from trace_clustering.traces.text import trace_text

# Without FINAL: what was delivered twice must not be there twice for anybody.
EVENTS = (
    "SELECT team_id, trace_id, arraySort(groupArray(event)) AS events FROM events "
    "WHERE event IN {kinds:Array(String)} GROUP BY team_id, trace_id"
)
WANTED = (
    "SELECT team_id, document_id, argMax(content, inserted_at) AS content "
    "FROM document_embeddings WHERE rendering = {rendering:String} GROUP BY team_id, document_id"
)


def main(folder: Path, *only: str) -> None:
    database = Database(f"chdb://{folder / 'clickhouse'}")
    names = database.select(EVENTS, kinds=list(TRACE_EVENTS))
    wanted = database.select(WANTED, rendering=RENDERING_MINIMAL)
    found: dict[int, dict[str, Any]] = {}
    for team_id in set(map(int, only)) or {row["team_id"] for row in names}:
        events = {row["trace_id"]: row["events"] for row in names if row["team_id"] == team_id}
        texts = {row["document_id"]: row["content"] for row in wanted if row["team_id"] == team_id}
        found[team_id] = {"events": events, "wanted": texts, **of_team(database, team_id, events)}
    print(json.dumps(found, default=str))


def of_team(database: Database, team_id: int, ids: dict[str, Any]) -> dict[str, Any]:
    """What is known of the traces, what was said in them, and their texts, by trace id."""
    rows = Traces(database).get(team_id, list(ids))
    received = Events(database).of_traces(team_id, list(ids))
    records = {one: assemble(one, given.events) for one, given in received.items()}
    return {
        "facts": {one: asdict(row.facts) for one, row in rows.items()},
        "said": {
            one: [(message.role, message.content) for message in record.trace.messages]
            for one, record in records.items()
        },
        "texts": {one: trace_text(record) for one, record in records.items()},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
