"""One span of OTLP as an event."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TraceEvent
from trace_clustering.traces.receiving.attributes import Pairs, pairs_of
from trace_clustering.traces.receiving.finishing import finish
from trace_clustering.traces.receiving.mapping import Reading, read_attributes
from trace_clustering.traces.receiving.properties import (
    EPOCH,
    MAX_FUTURE,
    make_event,
    uuid_of_bytes,
)
from trace_clustering.traces.receiving.span_events import Happened, SpanEvent, sort_events

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
SERVICE: Final = "service.name"

_ZEROS: Final = bytes(TRACE_ID_BYTES)
_NOTHING: Final = Happened()


def latest_nanoseconds(now: datetime) -> int:
    """Nanoseconds since 1970 after which no span may lie."""
    return (now + MAX_FUTURE - EPOCH) // timedelta(microseconds=1) * 1000


class OtlpSpan(NamedTuple):
    """A span as it was sent, in protobuf or in JSON; nothing of it is checked.

    Attributes:
        start: nanoseconds since 1970; 0 if it is not set. The same for ``end``.
        status: one of ``Status.StatusCode``.
        message: what the status says.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    start: int
    end: int
    status: int
    message: str
    attributes: Pairs
    events: list[SpanEvent]


def span_of_protobuf(span: Span) -> OtlpSpan:
    """The same span in plain values."""
    status = span.status
    return OtlpSpan(
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code,
        status.message,
        pairs_of(span.attributes),
        [SpanEvent(event.name, pairs_of(event.attributes)) for event in span.events],
    )


def event_of(span: OtlpSpan, service: str | None, latest: int) -> TraceEvent:
    """The event of a span.

    Args:
        service: the name in the span's resource.
        latest: see :func:`latest_nanoseconds`.

    Raises:
        InvalidInputError: names the field that makes the span unusable.
    """
    trace_id = _checked_id(span.trace_id, TRACE_ID_BYTES, "traceId")
    span_id = _checked_id(span.span_id, SPAN_ID_BYTES, "spanId")
    is_root = not any(span.parent_id)
    end = _end_of(span, latest)
    happened = sort_events(span.events) if span.events else _NOTHING
    reading = read_attributes(span.attributes + happened.attributes)
    properties = reading.properties
    properties["$ai_span_id"] = span_id
    if not is_root:
        properties["$ai_parent_id"] = _checked_id(span.parent_id, SPAN_ID_BYTES, "parentSpanId")
    properties["$ai_span_name"] = span.name or None
    if span.start:
        properties["$ai_latency"] = (end - span.start) / 1e9
    if service is not None:
        properties.setdefault(SERVICE, service)
    if span.events:
        _add_happened(reading, happened)
    _add_error(reading, span, happened.exception)
    event = finish(reading, is_root=is_root)
    return make_event(
        event=event,
        uuid=uuid_of_bytes(span.trace_id + span.span_id),
        trace_id=trace_id,
        distinct_id=str(properties.get("$ai_user_id") or trace_id),
        timestamp=EPOCH + timedelta(microseconds=end // 1000),
        properties=properties,
    )


def _checked_id(given: bytes, length: int, field: str) -> str:
    if len(given) != length:
        raise InvalidInputError(field, f"must be {length} bytes, not {len(given)}")
    if given == _ZEROS[:length]:
        raise InvalidInputError(field, "must not be all zero")
    return given.hex()


def _end_of(span: OtlpSpan, latest: int) -> int:
    """When the span ended; one that ends before it starts, or never, ends at its start."""
    end = max(span.start, span.end)
    if not end:
        raise InvalidInputError("endTimeUnixNano", "is not set, and neither is startTimeUnixNano")
    if end > latest:
        field = "startTimeUnixNano" if span.start > latest else "endTimeUnixNano"
        raise InvalidInputError(field, "lies more than a day in the future")
    return end


def _add_happened(reading: Reading, happened: Happened) -> None:
    """Messages of span events, unless attributes tell them; what else there was, as it is."""
    if happened.inputs:
        reading.found.setdefault("input", happened.inputs)
    if happened.outputs:
        reading.found.setdefault("output", happened.outputs)
    if happened.others:
        reading.properties["otel.events"] = happened.others
    for name, value in happened.exception.items():
        reading.properties.setdefault(name, value)


def _add_error(reading: Reading, span: OtlpSpan, exception: dict[str, object]) -> None:
    """Whether the span failed, and what is known of it."""
    found = reading.found
    failed = span.status == Status.STATUS_CODE_ERROR or found.get("level") == "ERROR"
    # A handled exception is no failure of the span, if its status says that all went well.
    raised = bool(exception) and span.status != Status.STATUS_CODE_OK
    if not (failed or raised or "error_type" in found):
        return
    reading.properties["$ai_is_error"] = True
    texts = (exception.get("exception.type"), exception.get("exception.message"))
    thrown = ": ".join(str(text) for text in texts if text)
    said = span.message or found.get("status_message") or thrown or found.get("error_type")
    if said:
        reading.properties["$ai_error"] = said
