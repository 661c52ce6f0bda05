"""Fields are counted as a parser finds them, in good messages and in bad ones."""

from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.traces.receiving.otlp_requests import happening, make_request, make_span
from trace_clustering.traces.receiving.wire import has_more_fields

REQUEST = ExportTraceServiceRequest.DESCRIPTOR

FULL = make_request(
    make_span("größe" * 50, {"a": [1, 2.5, {"b": "c" * 300}], "d": True}, events=[happening("e")])
)


def fields_of(message: Message) -> int:
    """How many fields are set, with those of the messages inside."""
    count = 0
    for _, value in message.ListFields():
        is_single = isinstance(value, str | bytes | int | float | Message)
        parts = [value] if is_single else list(value)
        count += len(parts) + sum(fields_of(part) for part in parts if isinstance(part, Message))
    return count


def test_every_field_counts_however_deep() -> None:
    for message in (FULL, make_request(), ExportTraceServiceRequest()):
        body, number = message.SerializeToString(), fields_of(message)
        assert not has_more_fields(body, message.DESCRIPTOR, number)
        assert number == 0 or has_more_fields(body, message.DESCRIPTOR, number - 1)


def test_what_is_unknown_counts_but_is_not_looked_into() -> None:
    inside = b"\x0a\x00" * 60
    body = b"\xfa\x7f" + bytes([len(inside)]) + inside + b"\x78\x01"
    assert not has_more_fields(body, REQUEST, 2)
    assert has_more_fields(body, REQUEST, 1)


def test_what_no_parser_reads_does_not_count() -> None:
    deep = b""
    for _ in range(300):
        size = len(deep)
        head = [size] if size < 128 else [size & 127 | 128, size >> 7]
        deep = b"\x0a" + bytes(head) + deep
    for body in (b"\xff", b"\xff" * 20, b"\x0a", b"\x0a\xff", b"\x0a\x7f\x12", deep):
        assert not has_more_fields(body, REQUEST, 200)


@given(st.binary(max_size=200), st.integers(0, 50))
def test_any_bytes_are_counted(body: bytes, limit: int) -> None:
    assert has_more_fields(body, REQUEST, limit) in (True, False)
    assert not has_more_fields(body, REQUEST, len(body))
