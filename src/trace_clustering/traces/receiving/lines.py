"""One line of a file: a trace, an OTLP request or PostHog's events, told apart by their keys."""

from __future__ import annotations

from datetime import datetime

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import EVENT_TRACE, Delivery, TraceEvent
from trace_clustering.traces.reading import trace_of
from trace_clustering.traces.receiving.json_text import parse_json
from trace_clustering.traces.receiving.otlp import read_otlp_document
from trace_clustering.traces.receiving.posthog import read_posthog_line
from trace_clustering.traces.receiving.properties import make_event, uuid_of

_TRACE_KEYS = {"trace_id", "messages"}
_OTLP_KEYS = {"resourceSpans", "resource_spans"}
_POSTHOG_KEYS = {"event", "batch"}


def read_line(line: bytes, *, now: datetime) -> Delivery:
    """What one line brought.

    Args:
        now: aware; what OTLP and PostHog's events say happened much later is rejected.

    Raises:
        InvalidInputError: names the field of a trace line that cannot be accepted; ``line`` if
            it is nothing that is known here.
    """
    document = parse_json(line, "line")
    if not isinstance(document, dict):
        raise InvalidInputError("line", "not a JSON object")
    keys = document.keys()
    if keys >= _TRACE_KEYS:
        return Delivery((_trace_event(document),))
    if keys & _OTLP_KEYS:
        return read_otlp_document(document, now=now)
    if keys & _POSTHOG_KEYS:
        return read_posthog_line(document, now=now)
    if keys & _TRACE_KEYS:
        return Delivery((_trace_event(document),))
    raise InvalidInputError(
        "line",
        "is no trace, no OTLP request and no PostHog event: "
        "has none of trace_id, resourceSpans, event, batch",
    )


def _trace_event(document: dict[str, object]) -> TraceEvent:
    trace = trace_of(document)
    return make_event(
        event=EVENT_TRACE,
        uuid=uuid_of("line", trace.trace_id),
        trace_id=trace.trace_id,
        distinct_id=trace.user_id or trace.trace_id,
        timestamp=trace.timestamp,
        properties={
            # As they came, so that nothing of them is lost; the checks are done.
            "$ai_input_state": document["messages"],
            "$ai_model": trace.model,
            "$ai_user_id": trace.user_id or None,
            "$ai_is_error": document.get("is_error"),
            "$ai_metadata": trace.metadata or None,
            # So that a line in which nothing else was corrected is another version.
            "timestamp": document["timestamp"],
        },
    )
