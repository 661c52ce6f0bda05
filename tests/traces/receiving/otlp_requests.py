"""Building OTLP requests for tests, and reading back what became of them."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from trace_clustering.models.traces import TraceEvent
from trace_clustering.traces.receiving.otlp import read_otlp_protobuf

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = 1_000_000_000
START = int(NOW.timestamp()) * SECOND - 3600 * SECOND
TRACE = "0af7651916cd43dd8448eb211c80319c"

OK = Status(code=Status.STATUS_CODE_OK)


def failed(message: str = "") -> Status:
    return Status(code=Status.STATUS_CODE_ERROR, message=message)


def any_value(value: object) -> AnyValue:
    """The value in OTLP's form; None is one without a value."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, Mapping):
        held = AnyValue()
        held.kvlist_value.values.extend(key_values(value))
        return held
    if isinstance(value, Sequence) and not isinstance(value, str):
        held = AnyValue()
        held.array_value.values.extend(any_value(item) for item in value)
        return held
    return AnyValue() if value is None else AnyValue(string_value=str(value))


def key_values(attributes: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def happening(name: str, **attributes: object) -> Span.Event:
    """A span event; names of attributes have ``__`` for a dot."""
    dotted = {key.replace("__", "."): value for key, value in attributes.items()}
    return Span.Event(name=name, time_unix_nano=START, attributes=key_values(dotted))


def make_span(
    name: str = "step",
    attributes: Mapping[str, object] | None = None,
    *,
    trace_id: str = TRACE,
    span_id: int = 2,
    parent_id: int | None = 1,
    start: int = START,
    seconds: float = 1.5,
    status: Status | None = None,
    events: Sequence[Span.Event] = (),
) -> Span:
    return Span(
        trace_id=bytes.fromhex(trace_id),
        span_id=span_id.to_bytes(8, "big"),
        parent_span_id=b"" if parent_id is None else parent_id.to_bytes(8, "big"),
        name=name,
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(seconds * SECOND),
        attributes=key_values(attributes or {}),
        status=status,
        events=events,
    )


def make_request(*spans: Span, service: str = "shop") -> ExportTraceServiceRequest:
    resource = Resource(attributes=key_values({"service.name": service, "host.name": "h"}))
    group = ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])
    return ExportTraceServiceRequest(resource_spans=[group])


def as_document(request: ExportTraceServiceRequest) -> dict[str, Any]:
    """The request in OTLP's JSON."""
    document = json_format.MessageToDict(request)
    for group in document.get("resourceSpans", []):
        for scope in group.get("scopeSpans", []):
            for span in scope.get("spans", []):
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64decode(span[name]).hex()
    return document


@dataclass(frozen=True)
class Read:
    """An event with its properties parsed."""

    row: TraceEvent
    properties: dict[str, Any]

    @property
    def event(self) -> str:
        return self.row.event

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    def __contains__(self, name: str) -> bool:
        return name in self.properties


def read_all(*spans: Span) -> list[Read]:
    delivery = read_otlp_protobuf(make_request(*spans).SerializeToString(), now=NOW)
    assert delivery.rejected == ()
    return [Read(row, json.loads(row.properties)) for row in delivery.events]


def read_one(attributes: Mapping[str, object], **more: Any) -> Read:
    """What becomes of a span with these attributes."""
    (event,) = read_all(make_span(attributes=attributes, **more))
    return event
