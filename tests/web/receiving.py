"""Requests as clients send them, for the tests of the receivers."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import httpx
from google.protobuf.json_format import MessageToJson
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.web.test_api import Api
from trace_clustering.web.paths import POSTHOG_V1_PATH

OTLP = "/v1/traces"
BATCH = "/batch/"
V1 = POSTHOG_V1_PATH
PROTOBUF = "application/x-protobuf"
ENDED = datetime(2026, 11, 16, 9, tzinfo=UTC)


def generation(trace_id: object, **changes: Any) -> dict[str, Any]:
    """One of PostHog's events."""
    properties = {"$ai_trace_id": trace_id, "$ai_input": [{"role": "user", "content": "größe?"}]}
    event = {
        "event": "$ai_generation",
        "distinct_id": "ada",
        "timestamp": ENDED.isoformat(),
        "properties": properties,
    }
    return event | changes


def batch(*events: object, key: str | None = None) -> dict[str, Any]:
    """A request as the SDK puts it together."""
    document: dict[str, Any] = {"batch": list(events), "historical_migration": False}
    return document | ({"api_key": key} if key else {})


def spans(*trace_ids: bytes) -> ExportTraceServiceRequest:
    """A request with one span of each trace; ids must have 16 bytes to be good."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for trace_id in trace_ids:
        span = scope.spans.add()
        span.trace_id, span.span_id, span.name = trace_id, b"12345678", "chat gpt-4o"
        span.start_time_unix_nano = int(ENDED.timestamp() * 1e9) - 500_000_000
        span.end_time_unix_nano = int(ENDED.timestamp() * 1e9)
        operation = span.attributes.add()
        operation.key, operation.value.string_value = "gen_ai.operation.name", "chat"
    return request


def as_json(request: ExportTraceServiceRequest) -> bytes:
    """OTLP's JSON, which has ids in hexadecimals."""
    document = json.loads(MessageToJson(request))
    for part in document["resourceSpans"]:
        for scope in part["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId"):
                    span[name] = base64.b64decode(span[name]).hex()
    return json.dumps(document).encode()


def send_spans(api: Api, request: bytes, *, key: str = "", **headers: str) -> httpx.Response:
    """As OpenTelemetry's exporter does."""
    given = {"Content-Type": PROTOBUF, "Authorization": f"Bearer {key}"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    raw = {name: value.encode() for name, value in given.items()}
    return api.ask("POST", OTLP, content=request, headers=raw)


def packed(document: object) -> bytes:
    return gzip.compress(json.dumps(document).encode(), 1)


def status_message(answer: httpx.Response) -> str:
    """What a ``google.rpc.Status`` in protobuf says."""
    message: str = Status.FromString(answer.content).message
    return message
