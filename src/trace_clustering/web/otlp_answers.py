"""Answers to OTLP exporters: in the encoding of the request, as the protocol lays down."""

from __future__ import annotations

import json

from fastapi import Response
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from trace_clustering.models.traces import Delivery
from trace_clustering.web.payloads import Refused

JSON = "application/json"
PROTOBUF = "application/x-protobuf"

# Field 2, a text: all that an answer says of google.rpc.Status, whose module is no dependency.
_STATUS_MESSAGE = b"\x12"


def accepted(delivery: Delivery, summary: str, media_type: str) -> Response:
    """An ``ExportTraceServiceResponse``; ``summary`` says why spans were left out, if any were."""
    answer = ExportTraceServiceResponse()
    if delivery.rejected:
        answer.partial_success.rejected_spans = len(delivery.rejected)
        answer.partial_success.error_message = summary
    if media_type == JSON:
        return Response(MessageToJson(answer, indent=None), media_type=JSON)
    return Response(answer.SerializeToString(), media_type=PROTOBUF)


def refused(refusal: Refused, media_type: str) -> Response:
    """A ``google.rpc.Status`` with the message."""
    if media_type == JSON:
        body = json.dumps({"message": refusal.message}).encode()
    else:
        text = refusal.message.encode()
        body = _STATUS_MESSAGE + _varint(len(text)) + text
    return Response(body, refusal.status, refusal.headers, media_type)


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
