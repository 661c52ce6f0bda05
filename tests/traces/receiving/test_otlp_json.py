"""OTLP's JSON: its spellings, its wrong types, and how little a bad part costs."""

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format

from tests.traces.receiving.otlp_requests import NOW, SECOND, START, TRACE, make_request, make_span
from trace_clustering.errors import InvalidInputError
from trace_clustering.traces.receiving.otlp import (
    read_otlp_document,
    read_otlp_json,
    read_otlp_protobuf,
)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "must be an object"),
        (b"null", "must be an object"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"resourceSpans": 7}', "resourceSpans must be a list"),
        (b'{"resourceSpans": {}}', "resourceSpans must be a list"),
    ],
)
def test_a_body_that_is_no_request_in_json_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_otlp_json(body, now=NOW)
    assert caught.value.field == "body"
    assert problem in caught.value.problem


def document(*spans: object) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


GOOD: dict[str, Any] = {
    "traceId": TRACE,
    "spanId": "00000000000000ab",
    "name": "step",
    "startTimeUnixNano": str(START),
    "endTimeUnixNano": str(START + SECOND),
}


def test_unknown_fields_nulls_and_other_spellings_do_not_matter() -> None:
    odd = {
        "trace_id": TRACE.upper(),
        "span_id": "00000000000000AB",
        "parentSpanId": "",
        "name": "step",
        "start_time_unix_nano": START,
        "end_time_unix_nano": float(START + SECOND),
        "status": None,
        "events": None,
        "attributes": None,
        "kind": "SPAN_KIND_CLIENT",
        "links": "whatever",
        "newField": {"a": [1]},
    }
    (event,) = read_otlp_document(document(odd), now=NOW).events
    (good,) = read_otlp_document(document(GOOD), now=NOW).events
    assert (event.uuid, event.properties) == (good.uuid, good.properties)


def test_ids_may_be_base64_as_protobufs_own_json_has_them() -> None:
    request = make_request(make_span())
    plain = json_format.MessageToDict(request)
    assert plain["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"].endswith("==")
    assert read_otlp_document(plain, now=NOW) == read_otlp_protobuf(
        request.SerializeToString(), now=NOW
    )


def test_spellings_of_values_in_json() -> None:
    values = {
        "a": {"string_value": "x"},
        "b": {"intValue": "-7"},
        "c": {"intValue": 7.0},
        "d": {"doubleValue": "NaN"},
        "e": {"doubleValue": "2.5"},
        "f": {"bytesValue": base64.urlsafe_b64encode(b"\xff\xfe\xfd\xfc").decode().rstrip("=")},
        "g": {"kvlist_value": {"values": [{"key": "h", "value": {"boolValue": False}}]}},
        "i": {"array_value": {}},
        "j": {"stringValue": None},
        "k": {},
        "l": None,
        "m": {"newValue": 1},
        "n": {"stringValue": "\ud800"},
    }
    attributes = [{"key": key, "value": value} for key, value in values.items()]
    sent = document({**GOOD, "attributes": attributes, "status": {"code": "STATUS_CODE_ERROR"}})
    (event,) = read_otlp_document(sent, now=NOW).events
    properties = json.loads(event.properties)
    assert {key: properties[key] for key in values if key in properties} == {
        "a": "x",
        "b": -7,
        "c": 7,
        "e": 2.5,
        "f": "//79/A==",
        "g": {"h": False},
        "i": [],
        "n": "\ufffd",
    }
    assert properties["$ai_is_error"] is True


def one_attribute(value: object) -> dict[str, Any]:
    return {"attributes": [{"key": "a", "value": value}]}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"traceId": 7}, "traceId"),
        ({"traceId": "zz" * 16}, "traceId"),
        ({"traceId": TRACE[:-1]}, "traceId"),
        ({"traceId": "é" * 32}, "traceId"),
        ({"spanId": ["00"]}, "spanId"),
        ({"spanId": None}, "spanId"),
        ({"parentSpanId": {}}, "parentSpanId"),
        ({"name": 7}, "name"),
        ({"startTimeUnixNano": "yesterday"}, "startTimeUnixNano"),
        ({"startTimeUnixNano": "-1"}, "startTimeUnixNano"),
        ({"startTimeUnixNano": True}, "startTimeUnixNano"),
        ({"startTimeUnixNano": []}, "startTimeUnixNano"),
        ({"endTimeUnixNano": 1.5}, "endTimeUnixNano"),
        ({"endTimeUnixNano": "9" * 5_000}, "endTimeUnixNano"),
        ({"endTimeUnixNano": 10**400}, "endTimeUnixNano"),
        ({"endTimeUnixNano": "²"}, "endTimeUnixNano"),
        ({"status": "ERROR"}, "status"),
        ({"status": {"code": "BAD"}}, "status.code"),
        ({"status": {"code": 2, "message": 7}}, "message"),
        ({"attributes": {}}, "attributes"),
        ({"attributes": [7]}, "attributes"),
        ({"attributes": [{"key": 7}]}, "attributes"),
        (one_attribute("bare"), "attributes"),
        (one_attribute({"stringValue": 7}), "attributes"),
        (one_attribute({"boolValue": "true"}), "attributes"),
        (one_attribute({"intValue": "7.5"}), "attributes"),
        (one_attribute({"intValue": 2**63}), "attributes"),
        (one_attribute({"doubleValue": "x"}), "attributes"),
        (one_attribute({"doubleValue": True}), "attributes"),
        (one_attribute({"doubleValue": 10**400}), "attributes"),
        (one_attribute({"bytesValue": "!"}), "attributes"),
        (one_attribute({"bytesValue": 7}), "attributes"),
        (one_attribute({"arrayValue": []}), "attributes"),
        (one_attribute({"arrayValue": {"values": {}}}), "values"),
        (one_attribute({"kvlistValue": {"values": [7]}}), "attributes"),
        ({"events": {}}, "events"),
        ({"events": [7]}, "events"),
        ({"events": [{"name": 7}]}, "name"),
        ({"events": [{"attributes": 7}]}, "attributes"),
    ],
)
def test_a_wrong_type_costs_one_span(fields: dict[str, Any], field: str) -> None:
    delivery = read_otlp_document(document({**GOOD, **fields}, GOOD), now=NOW)
    assert len(delivery.events) == 1
    (rejection,) = delivery.rejected
    assert rejection.part == "resourceSpans.0.scopeSpans.0.spans.0"
    assert rejection.problem.startswith(f"{field}: ")


def test_groups_of_a_wrong_type_are_rejected() -> None:
    sent = {
        "resourceSpans": [
            7,
            {"scopeSpans": {}},
            {"scopeSpans": [None, {"spans": "x"}, {"spans": [GOOD, 7]}], "resource": 7},
            {"resource": {"attributes": [7]}, "scopeSpans": [{"spans": [GOOD]}]},
        ]
    }
    delivery = read_otlp_document(sent, now=NOW)
    assert len(delivery.events) == 2
    assert [(each.part, each.problem) for each in delivery.rejected] == [
        ("resourceSpans.0", "must be an object"),
        ("resourceSpans.1", "scopeSpans: must be a list"),
        ("resourceSpans.2.scopeSpans.0", "must be an object"),
        ("resourceSpans.2.scopeSpans.1", "spans: must be a list"),
        ("resourceSpans.2.scopeSpans.2.spans.1", "must be an object"),
    ]


def test_json_that_is_not_quite_json_is_read() -> None:
    body = json.dumps(document({**GOOD, "name": "\ud83d", "x": float("nan")})).encode()
    (event,) = read_otlp_json(b"\xef\xbb\xbf" + body, now=NOW).events
    assert json.loads(event.properties)["$ai_span_name"] == "\ufffd"


@pytest.mark.parametrize("levels", [40, 1_000])
def test_values_nested_too_deep_are_left_out_or_refused(levels: int) -> None:
    value: dict[str, Any] = {"stringValue": "core"}
    for _ in range(levels):
        value = {"arrayValue": {"values": [value]}}
    attributes = [{"key": "deep", "value": value}, {"key": "flat", "value": {"intValue": 1}}]
    sent = document({**GOOD, "attributes": attributes})
    (event,) = read_otlp_document(sent, now=NOW).events
    assert json.loads(event.properties)["flat"] == 1
    assert "core" not in event.properties
