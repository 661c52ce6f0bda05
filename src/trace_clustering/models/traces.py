"""Traces as they are received, kept and understood: what the receivers, the store, the
summarization and the pages hand to each other. Plain frozen dataclasses.

The vocabulary is PostHog's: whatever a client sends becomes events named ``$ai_…`` with
properties named ``$ai_…``. An event's ``timestamp`` is when the span *ended*; it began
``$ai_latency`` seconds before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

EVENT_TRACE = "$ai_trace"
EVENT_GENERATION = "$ai_generation"
EVENT_SPAN = "$ai_span"
EVENT_EMBEDDING = "$ai_embedding"
EVENT_SUMMARY = "$ai_trace_summary"

TRACE_EVENTS = (EVENT_TRACE, EVENT_GENERATION, EVENT_SPAN, EVENT_EMBEDDING)
"""Raw events that traces are made of; others that a client sends are not kept."""

CostSource = Literal["sent", "estimated", "mixed", "unknown"]
SummarySource = Literal["extractive", "model"]
TraceStatus = Literal["summarized", "failed"]


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One row of the table ``events``, as a client sent it.

    Attributes:
        uuid: what makes it the same event when it is delivered again.
        event: one of ``TRACE_EVENTS``, or ``$ai_trace_summary``.
        trace_id: unique within a team.
        distinct_id: the user where known, otherwise the trace's id.
        timestamp: when the span ended; aware, in UTC.
        properties: JSON text of one object; holds ``$ai_trace_id`` too.
    """

    uuid: str
    event: str
    trace_id: str
    distinct_id: str
    timestamp: datetime
    properties: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A part of a delivery that was left out.

    Attributes:
        part: where it stands, such as ``resourceSpans.0.scopeSpans.0.spans.3`` or ``batch.2``.
        problem: what is wrong with it, naming the field.
    """

    part: str
    problem: str


@dataclass(frozen=True)
class Delivery:
    """What one request or one line of a file brought.

    Attributes:
        events: those that can be kept.
        rejected: what cannot, and why.
        ignored: parts that are no trace events (a client's page views, say).
    """

    events: tuple[TraceEvent, ...]
    rejected: tuple[Rejection, ...] = ()
    ignored: int = 0


@dataclass(frozen=True)
class TraceFacts:
    """What is known of a trace from its events; a row of the table ``traces``.

    Attributes:
        name: what the application calls it; empty where it gave no name.
        start: when its first span began; aware, in UTC.
        duration: seconds from there to the end of its last span.
        models: names of the models, in order of first use, each once.
        tools: names of the tools called, in order, with repetitions.
        input_tokens: sum over its generations and embeddings; None where none says.
        output_tokens: the same.
        cost_usd: None where it is unknown; never zero for want of knowledge.
        cost_source: "sent" by the client, "estimated" from a price list, "mixed" of both (or of
            known and unknown parts), or "unknown".
        errors: spans that failed.
        is_error: whether the run as a whole failed.
        user_id: who it was run for, where known.
        session_id: the conversation or session it belongs to, where known.
        spans: how many events it has.
    """

    trace_id: str
    name: str
    start: datetime
    duration: float
    models: tuple[str, ...]
    tools: tuple[str, ...]
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_source: CostSource
    errors: int
    is_error: bool
    user_id: str | None
    session_id: str | None
    spans: int


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence of a summary, with the lines of the trace's text that it rests on.

    Attributes:
        line_refs: such as ``L004`` or ``L004-L009, L012``; empty where it rests on none.
    """

    text: str
    line_refs: str = ""


@dataclass(frozen=True)
class TraceSummary:
    """What a trace was about.

    Attributes:
        title: a few words.
        flow_diagram: the steps in order, drawn in plain text; may be empty.
        summary_bullets: what the user wanted, what was done, how it ended.
        interesting_notes: errors and oddities; often empty.
        source: whether a language model wrote it.
        model: that model's name.
        fallback_reason: why the model's own summary could not be used, where it was asked.
    """

    title: str
    flow_diagram: str
    summary_bullets: tuple[Note, ...]
    interesting_notes: tuple[Note, ...] = ()
    source: SummarySource = "extractive"
    model: str | None = None
    fallback_reason: str | None = None

    @property
    def notes(self) -> Iterator[Note]:
        """Bullets, then interesting notes."""
        yield from self.summary_bullets
        yield from self.interesting_notes
