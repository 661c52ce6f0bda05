"""OTLP in protobuf and in JSON: what is kept, what is rejected, and how it is said."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.traces.receiving.otlp_requests import (
    NOW,
    OK,
    SECOND,
    START,
    TRACE,
    any_value,
    as_document,
    failed,
    happening,
    make_request,
    make_span,
    read_all,
    read_one,
)
from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import Delivery
from trace_clustering.traces.receiving import json_text, otlp
from trace_clustering.traces.receiving.otlp import (
    read_otlp_document,
    read_otlp_json,
    read_otlp_protobuf,
)


def protobuf(request: ExportTraceServiceRequest) -> Delivery:
    return read_otlp_protobuf(request.SerializeToString(), now=NOW)


def as_json(request: ExportTraceServiceRequest) -> Delivery:
    return read_otlp_json(json.dumps(as_document(request)).encode(), now=NOW)


BOTH = pytest.mark.parametrize("read", [protobuf, as_json])
Reads = Callable[[ExportTraceServiceRequest], Delivery]


@BOTH
def test_a_span_becomes_an_event(read: Reads) -> None:
    (event,) = read(make_request(make_span("step"))).events
    assert event.trace_id == event.distinct_id == TRACE
    assert event.timestamp == NOW - timedelta(hours=1) + timedelta(seconds=1.5)
    assert event.timestamp.tzinfo is UTC
    assert str(uuid.UUID(event.uuid)) == event.uuid
    assert json.loads(event.properties) == {
        "$ai_trace_id": TRACE,
        "$ai_span_id": "0000000000000002",
        "$ai_parent_id": "0000000000000001",
        "$ai_span_name": "step",
        "$ai_latency": 1.5,
        "service.name": "shop",
    }


@BOTH
def test_the_same_span_is_the_same_event(read: Reads) -> None:
    request = make_request(make_span(attributes={"a": 1}), make_span(span_id=3))
    first, again = read(request), read(request)
    assert first == again
    assert first.events[0].uuid != first.events[1].uuid


def test_both_formats_say_the_same() -> None:
    attributes = {
        "text": "größe 😀 \x00",
        "empty": "",
        "zero": 0,
        "smallest": -(2**63),
        "largest": 2**63 - 1,
        "half": 0.5,
        "no": False,
        "bytes": b"\x00\xff\xfe",
        "nothing": None,
        "list": ["a", "", 1, None, ["b"]],
        "object": {"a": {"b": [1]}, "c": None},
        "nan": float("nan"),
        "infinite": float("-inf"),
        "": "no name",
    }
    span = make_span("step", attributes, status=failed("bad"))
    request = make_request(span, make_span(parent_id=None, events=[happening("x", y=[1])]))
    assert protobuf(request) == as_json(request)


def test_values_of_every_kind_become_json() -> None:
    event = read_one(
        {
            "bytes": b"\x00\xff",
            "list": ["a", 1, 0.5, True, b"\xff", None],
            "object": {"a": {"b": [{"c": None}]}, "": ""},
            "nan": float("nan"),
            "nothing": None,
            "nul\0": "a\0b",
            "empty": "",
        }
    )
    assert event["bytes"] == "AP8="
    assert event["list"] == ["a", 1, 0.5, True, "/w==", None]
    assert event["object"] == {"a": {"b": [{}]}, "": ""}
    assert event["nul\ufffd"] == "a\ufffdb"
    assert event["empty"] == ""
    assert "nan" not in event
    assert "nothing" not in event


@BOTH
def test_a_tree_in_any_order_and_in_two_traces(read: Reads) -> None:
    spans = [
        make_span("leaf", span_id=3, parent_id=2),
        make_span("root", span_id=1, parent_id=None),
        make_span("other", span_id=9, parent_id=None, trace_id="f" * 32),
        make_span("middle", span_id=2, parent_id=1),
    ]
    events = read(make_request(*spans)).events
    assert [event.event for event in events] == ["$ai_span", "$ai_trace", "$ai_trace", "$ai_span"]
    assert [event.trace_id[0] for event in events] == ["0", "0", "f", "0"]
    parents = [json.loads(event.properties).get("$ai_parent_id") for event in events]
    assert parents == ["0000000000000002", None, None, "0000000000000001"]


def test_a_parent_of_zeros_is_none() -> None:
    (event,) = read_all(make_span(parent_id=0))
    assert (event.event, "$ai_parent_id" in event) == ("$ai_trace", False)


def test_a_root_that_is_a_model_call_is_a_generation() -> None:
    assert read_one({"gen_ai.operation.name": "chat"}, parent_id=None).event == "$ai_generation"


@pytest.mark.parametrize(
    ("start", "end", "latency", "ended"),
    [
        (START, START + SECOND, 1.0, START + SECOND),
        (START, START - SECOND, 0.0, START),
        (START, 0, 0.0, START),
        (0, START, None, START),
        (START, START + 1_234_567, 0.001234567, START + 1_234_567),
    ],
)
def test_times(start: int, end: int, latency: float | None, ended: int) -> None:
    span = make_span()
    span.start_time_unix_nano, span.end_time_unix_nano = start, end
    (event,) = read_all(span)
    assert event.properties.get("$ai_latency") == latency
    since = event.row.timestamp - datetime(1970, 1, 1, tzinfo=UTC)
    assert since // timedelta(microseconds=1) == ended // 1000


def spoiled(**fields: Any) -> Span:
    span = make_span("bad")
    for name, value in fields.items():
        setattr(span, name, value)
    return span


FAR = START + 48 * 3600 * SECOND


@BOTH
@pytest.mark.parametrize(
    ("span", "problem"),
    [
        (spoiled(trace_id=b""), "traceId: must be 16 bytes, not 0"),
        (spoiled(trace_id=b"short"), "traceId: must be 16 bytes, not 5"),
        (spoiled(trace_id=bytes(16)), "traceId: must not be all zero"),
        (spoiled(span_id=b"x" * 9), "spanId: must be 8 bytes, not 9"),
        (spoiled(span_id=b""), "spanId: must be 8 bytes, not 0"),
        (spoiled(span_id=bytes(8)), "spanId: must not be all zero"),
        (spoiled(parent_span_id=b"abc"), "parentSpanId: must be 8 bytes, not 3"),
        (
            spoiled(start_time_unix_nano=0, end_time_unix_nano=0),
            "endTimeUnixNano: is not set, and neither is startTimeUnixNano",
        ),
        (
            spoiled(end_time_unix_nano=FAR),
            "endTimeUnixNano: lies more than a day in the future",
        ),
        (
            spoiled(start_time_unix_nano=FAR),
            "startTimeUnixNano: lies more than a day in the future",
        ),
        (
            spoiled(end_time_unix_nano=2**64 - 1),
            "endTimeUnixNano: lies more than a day in the future",
        ),
    ],
)
def test_a_bad_span_is_rejected_and_the_others_are_kept(
    read: Reads, span: Span, problem: str
) -> None:
    delivery = read(make_request(make_span(), span, make_span(span_id=3)))
    assert len(delivery.events) == 2
    (rejection,) = delivery.rejected
    assert rejection.part == "resourceSpans.0.scopeSpans.0.spans.1"
    assert rejection.problem == problem


def test_rejections_say_where() -> None:
    bad = ScopeSpans(spans=[make_span(), spoiled(span_id=b"")])
    groups = [ResourceSpans(), ResourceSpans(scope_spans=[ScopeSpans(), bad])]
    delivery = protobuf(ExportTraceServiceRequest(resource_spans=groups))
    assert [rejection.part for rejection in delivery.rejected] == [
        "resourceSpans.1.scopeSpans.1.spans.1"
    ]
    assert "service.name" not in delivery.events[0].properties


FAILED = {"exception__type": "ValueError", "exception__message": "no such city"}


@pytest.mark.parametrize(
    ("status", "events", "error"),
    [
        (failed("bad"), [], "bad"),
        (failed("bad"), [happening("exception", **FAILED)], "bad"),
        (None, [happening("exception", **FAILED)], "ValueError: no such city"),
        (failed(), [happening("exception", **FAILED)], "ValueError: no such city"),
        (failed(), [happening("exception", exception__type="KeyError")], "KeyError"),
    ],
)
def test_errors(status: Status | None, events: list[Span.Event], error: str) -> None:
    event = read_one({}, status=status, events=events)
    assert (event["$ai_is_error"], event["$ai_error"]) == (True, error)


def test_an_error_may_say_nothing() -> None:
    event = read_one({}, status=failed())
    assert event["$ai_is_error"] is True
    assert "$ai_error" not in event
    event = read_one({"error.type": "timeout"})
    assert (event["$ai_is_error"], event["$ai_error"]) == (True, "timeout")
    assert event["error.type"] == "timeout"
    assert read_one({}, events=[happening("exception")])["$ai_is_error"] is True


def test_an_exception_leaves_its_details() -> None:
    trace = happening("exception", **FAILED, exception__stacktrace="Traceback …")
    event = read_one({}, events=[trace])
    assert event["exception.stacktrace"] == "Traceback …"
    assert "otel.events" not in event


def test_a_handled_exception_is_no_failure() -> None:
    event = read_one({}, status=OK, events=[happening("exception", **FAILED)])
    assert "$ai_is_error" not in event
    assert event["exception.type"] == "ValueError"


def test_what_a_client_calls_like_our_own_properties_does_not_stand() -> None:
    event = read_one({"$ai_trace_id": "x", "$ai_span_id": "y", "$ai_topic": "z"})
    assert (event["$ai_trace_id"], event["$ai_span_id"]) == (TRACE, "0000000000000002")
    assert event["$ai_topic"] == "z"


def test_ten_thousand_spans_in_a_trace() -> None:
    spans = [make_span(span_id=number) for number in range(2, 10_002)]
    delivery = protobuf(make_request(*spans))
    assert len({event.uuid for event in delivery.events}) == 10_000
    assert delivery.rejected == ()


def test_any_number_of_names_is_not_remembered() -> None:
    names = {f"gen_ai.prompt.{number}.content": "x" for number in range(12_000)}
    assert len(read_one({"llm.request.type": "chat", **names})["$ai_input"]) == 12_000
    assert read_one({"gen_ai.request.never_seen": 1})["$ai_model_parameters"] == {"never_seen": 1}


@pytest.mark.parametrize("body", [b"\xff\xff", b'{"resourceSpans": []}', b"\x0a\xff", b"\x0a\x05a"])
def test_a_body_that_is_no_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_otlp_protobuf(body, now=NOW)
    assert caught.value.field == "body"


def test_invalid_utf8_is_refused() -> None:
    body = make_request(make_span("name-to-break")).SerializeToString()
    with pytest.raises(InvalidInputError) as caught:
        read_otlp_protobuf(body.replace(b"name-to-break", b"name-to-\xff\xfe\xfdrk"), now=NOW)
    assert caught.value.field == "body"


def test_protobuf_nested_too_deep_is_left_out_or_refused() -> None:
    value: object = "core"
    for _ in range(40):
        value = [value]
    event = read_one({"deep": value, "flat": 1})
    assert event["flat"] == 1
    assert "core" not in event.row.properties
    with pytest.raises(InvalidInputError, match="MaxDepth"):
        read_otlp_protobuf(deep_request(levels=200), now=NOW)


def deep_request(levels: int) -> bytes:
    """A resource with an attribute of lists within lists, which the library refuses to build."""
    value = b""
    for _ in range(levels):
        value = field(5, field(1, value))
    return field(1, field(1, field(1, field(2, value))))


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def test_nothing_sent_is_nothing_received() -> None:
    assert read_otlp_protobuf(b"", now=NOW) == Delivery(())
    for body in (b"{}", b'{"resourceSpans": null}', b'{"resourceSpans": [{"scopeSpans": []}]}'):
        assert read_otlp_json(body, now=NOW) == Delivery(())


def test_the_builders_build_what_they_say() -> None:
    assert any_value(True).bool_value
    assert (
        as_document(make_request(make_span()))["resourceSpans"][0]["scopeSpans"][0]["spans"][0][
            "traceId"
        ]
        == TRACE
    )


def test_a_request_of_countless_empty_spans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bytes each on the wire, and thousands of times as much to look at."""
    monkeypatch.setattr(otlp, "MAX_EVENTS", 99)
    scopes = [ScopeSpans(spans=[Span()] * 50) for _ in range(2)]
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=scopes)])
    with pytest.raises(InvalidInputError, match="body: holds more than 99 spans and span events"):
        protobuf(request)
    document: dict[str, Any] = {"resourceSpans": [{"scopeSpans": [{"spans": [{}] * 100}]}]}
    with pytest.raises(InvalidInputError, match="body: holds more than 99 spans and span events"):
        read_otlp_document(document, now=NOW)


def test_a_request_of_countless_span_events_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MAX_EVENTS", 99)
    refusal = "body: holds more than 99 spans and span events"
    for number, is_good in ((95, True), (98, False)):
        spans = [make_span(events=[Span.Event()] * number), make_span(span_id=3)]
        for read in (protobuf, as_json):
            if is_good:
                assert len(read(make_request(*spans)).events) == 2
            else:
                with pytest.raises(InvalidInputError, match=refusal):
                    read(make_request(*spans))


NEARLY_EMPTY = {
    "resources": ExportTraceServiceRequest(resource_spans=[ResourceSpans()] * 900),
    "links": make_request(Span(links=[Span.Link()] * 900)),
    "attributes": make_request(Span(attributes=[KeyValue()] * 900)),
    "values": make_request(make_span(attributes={"a": [None] * 900})),
    "values inside": make_request(make_span(attributes={"a": [[{"b": [None] * 900}]]})),
}


@pytest.mark.parametrize("kind", NEARLY_EMPTY)
def test_protobuf_of_countless_fields_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(otlp, "MAX_FIELDS", 899)
    protobuf(NEARLY_EMPTY[kind])  # Small enough to be no matter.
    monkeypatch.setattr(otlp, "_SMALL_BYTES", 100)
    with pytest.raises(InvalidInputError, match="body: holds more than 899 fields"):
        protobuf(NEARLY_EMPTY[kind])
    monkeypatch.setattr(otlp, "MAX_FIELDS", 1000)
    protobuf(NEARLY_EMPTY[kind])


def test_json_inside_either_format_has_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that are JSON are parsed too, and many small ones are as much as a large one."""
    request = make_request(make_span(attributes={f"a{i}": "[" * 9 for i in range(20)}))
    for read in (protobuf, as_json):
        assert read(request).events
    monkeypatch.setattr(json_text, "MAX_CONTAINERS", 170)
    for read in (protobuf, as_json):
        with pytest.raises(InvalidInputError, match="body: holds more than 170 opening brackets"):
            read(request)
