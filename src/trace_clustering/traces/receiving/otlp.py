"""OpenTelemetry's protocol: spans in protobuf or JSON, whatever convention their attributes follow.

Every span becomes one event, also those that no model had a part in: they hold the tree together.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import Delivery, Rejection, TraceEvent
from trace_clustering.traces.receiving.attributes import Pairs, pairs_of
from trace_clustering.traces.receiving.json_text import check_bulk, parse_json
from trace_clustering.traces.receiving.otlp_json import field_of, pairs_of_json, span_of
from trace_clustering.traces.receiving.properties import MAX_EVENTS
from trace_clustering.traces.receiving.spans import (
    SERVICE,
    OtlpSpan,
    event_of,
    latest_nanoseconds,
    span_of_protobuf,
)
from trace_clustering.traces.receiving.wire import has_more_fields

MAX_FIELDS: Final = 5_000_000
"""Fields of a request in protobuf; a request with more is refused."""

# What is smaller cannot hold more fields than that can be afforded.
_SMALL_BYTES: Final = 4 * 1024 * 1024


def read_otlp_protobuf(body: bytes, *, now: datetime) -> Delivery:
    """Read an ``ExportTraceServiceRequest`` in protobuf.

    Raises:
        InvalidInputError: names ``body`` if it is none, if a text in it is not UTF-8, or if it
            is too much.
    """
    _check_bulk(body)
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        problem = f"no OTLP trace request in protobuf: {error}"
        raise InvalidInputError("body", problem) from None
    collector = _Collector(now)
    scopes = (scope for group in request.resource_spans for scope in group.scope_spans)
    collector.count(sum(len(scope.spans) for scope in scopes))
    for i, group in enumerate(request.resource_spans):
        collector.enter(pairs_of(group.resource.attributes))
        for j, scope in enumerate(group.scope_spans):
            for k, span in enumerate(scope.spans):
                collector.count(len(span.events))
                collector.take(span_of_protobuf, span, (i, j, k))
    return collector.delivery()


def read_otlp_json(body: bytes, *, now: datetime) -> Delivery:
    """Read an ``ExportTraceServiceRequest`` in JSON.

    Raises:
        InvalidInputError: names ``body`` if it is none, or too much.
    """
    check_bulk(body, "body")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Slower, but takes NaN and lone surrogates, and says better what is wrong.
        document = parse_json(body, "body")
    if not isinstance(document, dict):
        raise InvalidInputError("body", "must be an object with resourceSpans")
    return read_otlp_document(document, now=now)


def read_otlp_document(document: dict[str, Any], *, now: datetime) -> Delivery:
    """Read an ``ExportTraceServiceRequest`` that was JSON.

    A span of which something has the wrong type is rejected, the others are kept. Fields that
    are unknown do not matter.

    Raises:
        InvalidInputError: names ``body`` if ``resourceSpans`` is no list, or it is too much.
    """
    if not isinstance(field_of(document, "resourceSpans"), list | None):
        raise InvalidInputError("body", "resourceSpans must be a list")
    collector = _Collector(now)
    for i, group in collector.objects(document, "resourceSpans", ""):
        collector.enter(_resource_of(group))
        for j, scope in collector.objects(group, "scopeSpans", f"resourceSpans.{i}."):
            path = f"resourceSpans.{i}.scopeSpans.{j}."
            for k, fields in collector.objects(scope, "spans", path):
                events = fields.get("events")
                collector.count(len(events) if isinstance(events, list) else 0)
                collector.take(span_of, fields, (i, j, k))
    return collector.delivery()


class _Collector:
    """Events and rejections of one request."""

    def __init__(self, now: datetime) -> None:
        self._latest = latest_nanoseconds(now)
        self._service: str | None = None
        self._events: list[TraceEvent] = []
        self._rejected: list[Rejection] = []
        self._seen = 0

    def delivery(self) -> Delivery:
        return Delivery(tuple(self._events), tuple(self._rejected))

    def enter(self, resource: Pairs) -> None:
        """What comes next is of this resource."""
        service = dict(resource).get(SERVICE)
        self._service = service if isinstance(service, str) else None

    def count(self, parts: int) -> None:
        """Refuse the request if with these it has too many."""
        # A few bytes may hold an empty one, which costs a hundred times as many to look at.
        self._seen += parts
        if self._seen > MAX_EVENTS:
            raise InvalidInputError("body", f"holds more than {MAX_EVENTS:,} spans and span events")

    def take(self, read: Callable[[Any], OtlpSpan], span: Any, place: tuple[int, int, int]) -> None:
        try:
            self._events.append(event_of(read(span), self._service, self._latest))
        except InvalidInputError as error:
            self._reject("resourceSpans.{}.scopeSpans.{}.spans.{}".format(*place), str(error))

    def objects(
        self, holder: dict[str, Any], name: str, path: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects in a list, numbered; what is none is rejected."""
        items = field_of(holder, name)
        if items is None:
            return
        self.count(len(items) if isinstance(items, list) else 1)
        if not isinstance(items, list):
            self._reject(path.rstrip("."), f"{name}: must be a list")
            return
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield index, item
            else:
                self._reject(f"{path}{name}.{index}", "must be an object")

    def _reject(self, part: str, problem: str) -> None:
        self._rejected.append(Rejection(part, problem))


def _check_bulk(body: bytes) -> None:
    """Before the parser takes many times as much memory; texts may be JSON, and be parsed too."""
    descriptor = ExportTraceServiceRequest.DESCRIPTOR
    if len(body) > _SMALL_BYTES and has_more_fields(body, descriptor, MAX_FIELDS):
        raise InvalidInputError("body", f"holds more than {MAX_FIELDS:,} fields")
    check_bulk(body, "body")


def _resource_of(group: dict[str, Any]) -> Pairs:
    """The attributes of a group's resource; none if they cannot be read."""
    resource = group.get("resource")
    try:
        return pairs_of_json(resource) if isinstance(resource, dict) else []
    except InvalidInputError:
        return []
