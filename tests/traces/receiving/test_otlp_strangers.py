"""Whatever arrives as OTLP: events that can be stored, or a reason, and never anything else."""

import json
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.traces.receiving.otlp_requests import (
    NOW,
    as_document,
    happening,
    make_request,
    make_span,
)
from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TRACE_EVENTS, Delivery
from trace_clustering.traces.receiving import genai, langfuse, openinference, openllmetry
from trace_clustering.traces.receiving.otlp import (
    read_otlp_document,
    read_otlp_json,
    read_otlp_protobuf,
)

CONVENTIONS = (genai, openinference, langfuse, openllmetry)
RULES = sorted(name for each in CONVENTIONS for name in each.RULES)
FAMILIES = sorted(family.prefix for each in CONVENTIONS for family in each.FAMILIES)
FIELDS = (
    *("message", "role", "content", "contents", "tool_calls", "tool_call", "function", "name"),
    *("arguments", "prompt", "completion", "document", "embedding", "text", "tool", "json_schema"),
    *("message_content", "image", "id", "function_call", "function_call_name", "0", "1", "77"),
)

TEXTS = st.text(st.sampled_from('ab"\\[{}]:,0é\0\uffff😀'), max_size=8)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.sampled_from(FIELDS), inner, max_size=3)
    ),
    max_leaves=8,
)
JSON_TEXTS = JSON_VALUES.map(json.dumps)
NAMES = (
    st.sampled_from(RULES)
    | st.builds(
        lambda prefix, steps: prefix + ".".join(steps),
        st.sampled_from(FAMILIES),
        st.lists(st.sampled_from(FIELDS), max_size=6),
    )
    | TEXTS
)
WORDS = st.sampled_from(("chat", "LLM", "generation", "embedding", "tool", "agent", "EMBEDDING"))
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=4)
    | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.sampled_from(FIELDS), inner, max_size=3)
    ),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(NAMES, PLAIN | JSON_TEXTS | WORDS, max_size=8)
EVENT_NAMES = st.sampled_from((*genai.MESSAGE_EVENTS, genai.MESSAGES_EVENT, "exception", "x"))
EVENTS = st.lists(
    st.builds(
        lambda name, attributes: happening(name, **attributes),
        EVENT_NAMES,
        st.dictionaries(
            st.sampled_from(
                (
                    *("content", "message", "id", "tool_calls", "role", "exception__type"),
                    *("gen_ai__prompt", "gen_ai__event__content", "gen_ai__input__messages"),
                )
            ),
            PLAIN | JSON_TEXTS,
            max_size=3,
        ),
    ),
    max_size=3,
)
SPANS = st.builds(
    make_span,
    TEXTS,
    ATTRIBUTES,
    span_id=st.integers(0, 5),
    parent_id=st.none() | st.integers(0, 5),
    seconds=st.sampled_from((0, 1, 1e6)),
    status=st.none() | st.builds(Status, code=st.integers(0, 5), message=TEXTS),
    events=EVENTS,
)
REQUESTS = st.lists(SPANS, max_size=3).map(lambda spans: make_request(*spans))


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def check(delivery: Delivery) -> None:
    """Everything a store has to rely on."""
    for event in delivery.events:
        properties = json.loads(event.properties, parse_constant=refuse)
        assert properties["$ai_trace_id"] == event.trace_id
        assert all(value is not None for value in properties.values())
        assert event.event in TRACE_EVENTS
        for text in (event.uuid, event.trace_id, event.distinct_id, event.properties):
            text.encode()
            assert "\0" not in text
        assert "\\u0000" not in event.properties.replace("\\\\", "")
    assert all(each.part and each.problem for each in delivery.rejected)


def outcome(read: Callable[[], Delivery]) -> Delivery | None:
    """What was read; None if all of it was refused, which is fine."""
    try:
        return read()
    except InvalidInputError as error:
        problem = error
    assert problem.field == "body"
    return None


def parses(body: bytes) -> bool:
    try:
        ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return False
    return True


@given(st.binary(max_size=200))
def test_any_bytes_as_protobuf(body: bytes) -> None:
    check(outcome(lambda: read_otlp_protobuf(body, now=NOW)) or Delivery(()))


@given(st.binary(max_size=50) | JSON_TEXTS.map(str.encode))
def test_any_bytes_as_json(body: bytes) -> None:
    check(outcome(lambda: read_otlp_json(body, now=NOW)) or Delivery(()))


@given(REQUESTS)
def test_any_spans_in_both_formats(request: ExportTraceServiceRequest) -> None:
    delivery = read_otlp_protobuf(request.SerializeToString(), now=NOW)
    check(delivery)
    assert read_otlp_document(as_document(request), now=NOW) == delivery


@given(REQUESTS, st.data())
def test_requests_with_bytes_changed(
    request: ExportTraceServiceRequest, data: st.DataObject
) -> None:
    body = bytearray(request.SerializeToString())
    for _ in range(data.draw(st.integers(0, 4))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    delivery = outcome(lambda: read_otlp_protobuf(cut, now=NOW))
    assert (delivery is not None) == parses(cut)
    check(delivery or Delivery(()))


@given(REQUESTS, st.data())
def test_requests_with_parts_of_json_changed(
    request: ExportTraceServiceRequest, data: st.DataObject
) -> None:
    document = as_document(request)
    for _ in range(data.draw(st.integers(1, 3))):
        spoil(document, data)
    check(outcome(lambda: read_otlp_document(document, now=NOW)) or Delivery(()))


def spoil(document: dict[str, Any], data: st.DataObject) -> None:
    """Put anything anywhere."""
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
            place[key] = data.draw(JSON_VALUES)
            return
        place = place[key]
