"""One trace on its way from its events to what is written of it. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from trace_clustering.constants import RENDERING_DETAILED, RENDERING_MINIMAL
from trace_clustering.models import TraceDocument
from trace_clustering.models.traces import EVENT_SUMMARY, TraceEvent, TraceFacts, TraceSummary
from trace_clustering.store import ReceivedTrace, TraceRow
from trace_clustering.traces.assembly import assemble
from trace_clustering.traces.rendering import render_detailed, render_minimal, trace_metadata
from trace_clustering.traces.span import TraceRecord
from trace_clustering.traces.summarizing import SummaryFailure
from trace_clustering.traces.summary import extractive_summary
from trace_clustering.traces.summary_event import summary_properties
from trace_clustering.traces.text import trace_text

MAX_REASON_CHARS = 300
_NAMESPACE = UUID("0d3a2a4e-52a0-5d2f-9c37-5c8a4f0e6d11")


@dataclass(frozen=True)
class Understood:
    """A trace as it was understood.

    Attributes:
        received: what came of it.
        text: its lines, numbered.
    """

    received: ReceivedTrace
    record: TraceRecord
    text: str
    summary: TraceSummary

    @property
    def trace_id(self) -> str:
        return self.record.facts.trace_id

    @property
    def text_digest(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8", "replace")).hexdigest()

    def with_answer(self, answer: TraceSummary | SummaryFailure) -> Understood:
        """The same with a language model's summary, or with why there is none."""
        if isinstance(answer, SummaryFailure):
            return replace(self, summary=replace(self.summary, fallback_reason=answer.reason))
        return replace(self, summary=answer)

    def row(self) -> TraceRow:
        """What is known of it, once it is summarized."""
        return TraceRow(
            facts=self.record.facts,
            title=self.summary.title,
            status="summarized",
            seen_events=len(self.received.events),
            seen_until=self.received.newest,
        )


@dataclass(frozen=True)
class Written:
    """What is written of a trace: the event of its summary, and the texts to be embedded."""

    understood: Understood
    event: TraceEvent
    documents: tuple[TraceDocument, ...]

    @property
    def trace_id(self) -> str:
        return self.understood.trace_id


def understand(trace_id: str, received: ReceivedTrace) -> Understood:
    """Put a trace together and summarize it in its own words."""
    record = assemble(trace_id, received.events)
    text = trace_text(record)
    return Understood(received, record, text, extractive_summary(record, text))


def write(one: Understood) -> Written:
    """Make the event and the texts."""
    return Written(one, _summary_event(one), _documents(one))


def failed_row(
    trace_id: str,
    received: ReceivedTrace,
    reason: str,
    understood: Understood | None,
    before: TraceRow | None,
) -> TraceRow:
    """What is known of a trace that could not be summarized or embedded, and why.

    Args:
        understood: where it came so far.
        before: its row so far; a failure of the very same events counts as one more attempt.
    """
    seen = (received.newest, len(received.events))
    is_same = before is not None and seen == (before.seen_until, before.seen_events)
    return TraceRow(
        facts=understood.record.facts if understood else _nothing_known(trace_id, received),
        title=understood.summary.title if understood else "",
        status="failed",
        seen_events=len(received.events),
        seen_until=received.newest,
        reason=reason[:MAX_REASON_CHARS],
        attempts=before.attempts + 1 if before and is_same else 1,
    )


def _documents(one: Understood) -> tuple[TraceDocument, ...]:
    trace = one.record.trace
    metadata = json.dumps(trace_metadata(trace), ensure_ascii=False, sort_keys=True)
    texts = {
        RENDERING_MINIMAL: render_minimal(trace),
        RENDERING_DETAILED: render_detailed(one.summary),
    }
    return tuple(
        TraceDocument(trace.trace_id, trace.timestamp, rendering, content, metadata)
        for rendering, content in texts.items()
    )


def _summary_event(one: Understood) -> TraceEvent:
    facts = one.record.facts
    properties = summary_properties(
        facts, one.summary, text_chars=len(one.text), text_digest=one.text_digest
    )
    return TraceEvent(
        uuid=str(uuid5(_NAMESPACE, facts.trace_id)),
        event=EVENT_SUMMARY,
        trace_id=facts.trace_id,
        distinct_id=facts.user_id or facts.trace_id,
        timestamp=facts.start,
        properties=json.dumps(properties, ensure_ascii=False, sort_keys=True),
    )


def _nothing_known(trace_id: str, received: ReceivedTrace) -> TraceFacts:
    return TraceFacts(
        trace_id=trace_id,
        name="",
        start=min(event.timestamp for event in received.events),
        duration=0.0,
        models=(),
        tools=(),
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
        cost_source="unknown",
        errors=0,
        is_error=False,
        user_id=None,
        session_id=None,
        spans=len(received.events),
    )
