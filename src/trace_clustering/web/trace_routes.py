"""The API's routes of a single trace: what is known of it, and all that was sent of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter

from trace_clustering.errors import NotFoundError
from trace_clustering.models.traces import EVENT_SUMMARY, TraceEvent, TraceFacts, TraceSummary
from trace_clustering.store import ReceivedTrace, Store
from trace_clustering.traces.assembly import assemble
from trace_clustering.traces.span import Span, TraceRecord
from trace_clustering.traces.summary_event import read_summary
from trace_clustering.traces.text import trace_text
from trace_clustering.web.routes import Given, TeamId

router = APIRouter(prefix="/api/v1/teams/{team_id}", tags=["traces"])


@dataclass(frozen=True)
class SpanRow:
    """A span of the tree: rows come each before its children, ``depth`` levels down."""

    depth: int
    span_id: str
    parent_id: str | None
    kind: str
    name: str
    start: datetime
    duration: float
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    is_error: bool
    error: str | None


@dataclass(frozen=True)
class TraceDetail:
    """A trace as it stands.

    Attributes:
        facts: from its events, here and now.
        status: ``pending`` where something has come since it was summarized, if it ever was;
            otherwise ``summarized`` or ``failed``.
        reason: why it failed.
        summary: its latest one, if any.
        text: its lines, numbered.
    """

    facts: TraceFacts
    status: str
    reason: str
    summary: TraceSummary | None
    spans: list[SpanRow]
    text: str


@dataclass(frozen=True)
class SentEvent:
    """An event of a trace as it was sent."""

    uuid: str
    event: str
    distinct_id: str
    timestamp: datetime
    properties: dict[str, Any]


@dataclass(frozen=True)
class SentEvents:
    """All that was sent of a trace, the earliest end first."""

    events: list[SentEvent]


@router.get("/traces/{trace_id:path}")
def trace(services: Given, team_id: TeamId, trace_id: str, id: str = "") -> TraceDetail:
    """One trace: what is known of it, its spans as a tree, its text and its summary.

    An id that cannot stand in an address, such as two dots, is given as ``id`` instead.
    """
    trace_id = trace_id or id
    received = received_of(services.store, team_id, trace_id)
    return detail_of(services.store, team_id, trace_id, received)


@router.get("/events")
def events(services: Given, team_id: TeamId, trace_id: str) -> SentEvents:
    """Everything that was sent of one trace, as it was sent."""
    received = received_of(services.store, team_id, trace_id)
    return SentEvents(
        [
            SentEvent(
                one.uuid, one.event, one.distinct_id, one.timestamp, json.loads(one.properties)
            )
            for one in in_order(received)
        ]
    )


def received_of(store: Store, team_id: int, trace_id: str) -> ReceivedTrace:
    """What has come of a trace.

    Raises:
        NotFoundError: nothing has.
    """
    received = store.events.of_traces(team_id, [trace_id]).get(trace_id)
    if received is None:
        raise NotFoundError(f"team {team_id} has no trace {trace_id}")
    return received


def in_order(received: ReceivedTrace) -> list[TraceEvent]:
    """The events of a trace, the earliest end first."""
    return sorted(received.events, key=lambda one: (one.timestamp, one.uuid))


def detail_of(store: Store, team_id: int, trace_id: str, received: ReceivedTrace) -> TraceDetail:
    """A trace as it stands, from all that has come of it."""
    record = assemble(trace_id, received.events)
    row = store.traces.get(team_id, [trace_id]).get(trace_id)
    return TraceDetail(
        facts=record.facts,
        status=row.status if row and row.has_seen(received) else "pending",
        reason=row.reason if row else "",
        summary=_summary(store, team_id, trace_id),
        spans=_spans(record),
        text=trace_text(record),
    )


def _summary(store: Store, team_id: int, trace_id: str) -> TraceSummary | None:
    event = store.events.of_kind(team_id, EVENT_SUMMARY, [trace_id]).get(trace_id)
    return read_summary(event.properties) if event else None


def _spans(record: TraceRecord) -> list[SpanRow]:
    return [_row(depth, span) for depth, span in record.walk()]


def _row(depth: int, span: Span) -> SpanRow:
    return SpanRow(
        depth=depth,
        span_id=span.span_id,
        parent_id=span.parent_id,
        kind=span.kind,
        name=span.name,
        start=span.start,
        duration=span.seconds,
        model=span.model,
        input_tokens=span.input_tokens,
        output_tokens=span.output_tokens,
        cost_usd=span.cost_usd,
        is_error=span.is_error,
        error=span.error,
    )
