"""Events as clients send them, and what summarizing says of their traces, for the store's tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pyarrow as pa

from trace_clustering.models.traces import EVENT_SPAN, TraceEvent, TraceFacts
from trace_clustering.store import Store, TraceRow
from trace_clustering.store.events import _rows

MOMENT = datetime(2026, 11, 16, 9, 30, 0, 123_456, tzinfo=UTC)

ODD_IDS = (
    "plain",
    "quo'te",
    'dou"ble',
    "back\\slash\\",
    "\\'",
    "tab\tnew\nline\rreturn",
    "{team_id:Int64} %s $1 ?",
    "'], 1) --",
    "ñ 你 🙂",
    "\N{ZERO WIDTH SPACE}",
    "a" * 512,
    "🙂" * 512,
    "\\" * 512,
)


def event(
    trace_id: str = "trace",
    number: int = 0,
    *,
    kind: str = EVENT_SPAN,
    moment: datetime = MOMENT,
    user: str = "ada",
    **said: object,
) -> TraceEvent:
    """The same ``trace_id`` and ``number`` make the same event, whatever else it says."""
    return TraceEvent(
        uuid=str(uuid5(NAMESPACE_OID, f"{trace_id} {number}")),
        event=kind,
        trace_id=trace_id,
        distinct_id=user,
        timestamp=moment,
        properties=json.dumps({"$ai_trace_id": trace_id, "number": number, **said}),
    )


def events(trace_id: str, n: int) -> list[TraceEvent]:
    return [
        event(trace_id, number, moment=MOMENT + timedelta(seconds=number)) for number in range(n)
    ]


def add_as_of(store: Store, team_id: int, came: datetime, added: Sequence[TraceEvent]) -> None:
    """Store events as if they had come in then, without looking whether they are known."""
    times = pa.array([came] * len(added), pa.timestamp("us", tz="UTC"))
    rows = _rows(team_id, added, {}).append_column("created_at", times)
    store._database.insert("events", rows)


def merge(store: Store, *moments: datetime) -> None:
    """Fold what the table of events would fold at some time, in the months of these moments."""
    for month in sorted({f"{one:%Y%m}" for one in moments or (MOMENT,)}):
        store._database.execute(f"OPTIMIZE TABLE events PARTITION ID '{month}' FINAL")


def stored(store: Store, team_id: int) -> list[dict[str, Any]]:
    """The rows that lie in the table."""
    return store._database.select(
        "SELECT * FROM events WHERE team_id = {team_id:Int64}", team_id=team_id
    )


def facts(trace_id: str = "trace") -> TraceFacts:
    return TraceFacts(
        trace_id=trace_id,
        name="support",
        start=MOMENT,
        duration=1.25,
        models=("gpt-4o", "claude"),
        tools=("search", "search", "refund"),
        input_tokens=1200,
        output_tokens=34,
        cost_usd=0.0123,
        cost_source="estimated",
        errors=1,
        is_error=False,
        user_id="ada",
        session_id="s-1",
        spans=7,
    )


def summarized(store: Store, team_id: int, trace_id: str) -> TraceRow:
    """A row that says that all that came of the trace was seen."""
    received = store.events.of_traces(team_id, [trace_id])[trace_id]
    return TraceRow(
        facts=facts(trace_id),
        title="A refund",
        status="summarized",
        seen_events=len(received.events),
        seen_until=received.newest,
    )


def summarize(store: Store, team_id: int, *trace_ids: str) -> None:
    store.traces.record(team_id, [summarized(store, team_id, one) for one in trace_ids])


def fail(store: Store, team_id: int, trace_id: str, attempts: int) -> None:
    row = summarized(store, team_id, trace_id)
    failed = replace(row, title="", status="failed", reason="ValueError: odd", attempts=attempts)
    store.traces.record(team_id, [failed])
