"""The receivers over a real store: what is kept, what is answered, in each protocol's form."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.support.clickhouse_front import ClickHouseFront
from tests.web.receiving import (
    BATCH,
    OTLP,
    PROTOBUF,
    V1,
    as_json,
    batch,
    generation,
    packed,
    send_spans,
    spans,
    status_message,
)
from tests.web.test_api import Api
from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web.paths import OTLP_PATHS, POSTHOG_PATHS

A, B, SHORT = b"A" * 16, b"B" * 16, b"C" * 15


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Api:
    return Api(store, Settings(data_dir=tmp_path))


@pytest.fixture
def key(store: Store, team_id: int) -> str:
    """Of the test's own team."""
    return store.keys.create(team_id, "test").key


def stored(api: Api, team_id: int, *trace_ids: str) -> list[str]:
    """Those of the traces that are in the store."""
    return sorted(api.store.events.of_traces(team_id, trace_ids))


# -- PostHog ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTHOG_PATHS)
def test_posthogs_paths(api: Api, key: str, team_id: int, path: str) -> None:
    assert api.post(path, json=batch(generation("a"), key=key)) == {"status": 1}
    assert api.post(path, json={**generation("b"), "api_key": key}) == {"status": 1}
    assert api.post(path, json=[{**generation("c"), "api_key": key}]) == {"status": 1}
    assert stored(api, team_id, "a", "b", "c", "d") == ["a", "b", "c"]


def test_what_is_left_out_is_said(api: Api, key: str, team_id: int) -> None:
    events = [generation("a"), generation(None), {"event": "$pageview"}, 7]
    assert api.post(BATCH, json=batch(*events, key=key)) == {
        "status": 1,
        "rejected": [
            {"part": "batch.1", "problem": "properties.$ai_trace_id: is missing"},
            {"part": "batch.3", "problem": "event: must be an object"},
        ],
        "rejected_count": 2,
        "ignored": 1,
    }
    assert stored(api, team_id, "a") == ["a"]
    answer = api.post(BATCH, json=batch(generation("a"), *[7] * 300, key=key))
    assert (len(answer["rejected"]), answer["rejected_count"]) == (100, 300)


def test_other_events_alone_are_no_error(api: Api, key: str) -> None:
    assert api.post(BATCH, json=batch({"event": "$identify"}, key=key)) == {
        "status": 1,
        "ignored": 1,
    }
    assert api.post(BATCH, json=batch(key=key)) == {"status": 1}


def test_a_request_of_which_nothing_can_be_kept(api: Api, key: str) -> None:
    error = api.error(400, "POST", BATCH, json=batch(*[generation(None)] * 7, key=key))
    assert (error["type"], error["field"]) == ("InvalidInputError", "batch.0")
    parts = [f"batch.{i}: properties.$ai_trace_id: is missing" for i in range(5)]
    assert error["message"] == f"7 left out: {'; '.join(parts)}; and 2 more"


def form(data: bytes) -> bytes:
    return b"data=" + quote(base64.b64encode(data)).encode() + b"&ver=1"


PACKED: dict[str, Any] = {
    "gzip": (gzip.compress, {"Content-Encoding": "gzip"}, ""),
    "deflate": (zlib.compress, {"Content-Encoding": "deflate"}, ""),
    "zstd": (zstandard.ZstdCompressor().compress, {"Content-Encoding": "zstd"}, ""),
    "by parameter": (gzip.compress, {}, "?compression=gzip"),
    "by posthog-js": (gzip.compress, {"Content-Type": "text/plain"}, "?compression=gzip-js&ip=1"),
    "said twice": (gzip.compress, {"Content-Encoding": "gzip"}, "?compression=gzip"),
    "said but not done": (bytes, {}, "?compression=gzip"),
    "form": (form, {"Content-Type": "application/x-www-form-urlencoded"}, "?compression=base64"),
    "form of gzip": (lambda data: form(gzip.compress(data)), {}, ""),
    "form, plus signs as they are": (lambda data: b"data=" + base64.b64encode(data), {}, ""),
    "form of JSON": (lambda data: b"data=" + quote(data).encode(), {}, ""),
    "JSON as a form": (bytes, {"Content-Type": "application/x-www-form-urlencoded"}, ""),
    "marked": (lambda data: b"\xef\xbb\xbf" + data, {}, ""),
}


@pytest.mark.parametrize("kind", PACKED)
def test_bodies_come_packed_in_many_ways(api: Api, key: str, team_id: int, kind: str) -> None:
    pack, headers, parameters = PACKED[kind]
    body = pack(json.dumps(batch(generation("a?>~ +"), key=key)).encode())
    assert api.post(BATCH + parameters, content=body, headers=headers) == {"status": 1}
    assert stored(api, team_id, "a?>~ +") == ["a?>~ +"]


GZIP = {"Content-Encoding": "gzip"}
BROKEN: dict[str, tuple[bytes, dict[str, str], str, int, str]] = {
    "empty": (b"", {}, "", 400, "body: not JSON: Expecting value at character 1"),
    "half": (b"{", {}, "", 400, "body: not JSON: "),
    "Latin-1": (b'{"batch": "\xff"}', {}, "", 400, "body: not UTF-8 at byte 11"),
    "deep": (b"[" * 200_000, {}, "", 400, "body: nested too deep"),
    "number": (b"9" * 5000, {}, "", 400, "body: not JSON: holds a number that is too long"),
    "nothing": (b"{}", {}, "", 400, "body: holds neither event nor batch"),
    "no list": (b'{"batch": 1}', {}, "", 400, "batch: must be a list of events"),
    "form": (b"data=%%", {}, "", 400, "body: its field data is neither JSON nor base64"),
    "no gzip": (b"{}", GZIP, "", 400, "body: is no valid gzip"),
    "cut": (packed({})[:-3], GZIP, "", 400, "body: its gzip ends too early"),
    "cut, too": (packed({})[:-3], {}, "?compression=gzip", 400, "body: its gzip ends too early"),
    "br": (b"{}", {"Content-Encoding": "br"}, "", 415, "Content-Encoding: must be gzip, "),
    "lz64": (b"{}", {}, "?compression=lz64", 415, "compression: must be gzip, "),
    "large": (b"x" * (MAX_BODY_BYTES + 1), {}, "", 413, "a request may hold 67108864 bytes"),
    "bomb": (packed(" " * (MAX_BODY_BYTES + 1)), GZIP, "", 413, "a request may hold 67108864"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_body_that_cannot_be_read(api: Api, key: str, kind: str) -> None:
    body, headers, parameters, status, message = BROKEN[kind]
    given = {**headers, "Authorization": f"Bearer {key}"}
    error = api.error(status, "POST", BATCH + parameters, content=body, headers=given)
    assert str(error["message"]).startswith(message)


def test_the_newer_protocol_has_a_verdict_on_each(api: Api, key: str, team_id: int) -> None:
    good = generation("a", uuid="0191c8de-5b0e-7f0a-b1c7-1d9c52000001")
    bad = generation(None, uuid="0191c8de-5b0e-7f0a-b1c7-1d9c52000002")
    headers = {"Authorization": f"Bearer {key}"}
    answer = api.post(V1, json=batch(good, bad, 7), headers=headers)
    dropped = {"result": "drop", "details": "properties.$ai_trace_id: is missing"}
    assert answer["results"] == {bad["uuid"]: dropped}
    assert stored(api, team_id, "a") == ["a"]
    assert api.post(V1, json=batch(good), headers=headers)["results"] == {}


def test_a_verdict_on_a_uuid_that_is_no_text(api: Api, key: str, team_id: int) -> None:
    body = json.dumps(batch(generation("a"), generation(None, uuid="\ud800"), key=key)).encode()
    answer = api.post(V1, content=body)
    assert list(answer["results"]) == ["\ufffd"]
    assert stored(api, team_id, "a") == ["a"]


# -- OTLP ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OTLP_PATHS)
def test_otlps_paths_and_encodings(api: Api, key: str, team_id: int, path: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": PROTOBUF}
    answer = api.ask("POST", path, content=spans(A).SerializeToString(), headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == PROTOBUF
    headers["Content-Type"] = "Application/JSON; charset=utf-8"
    answer = api.ask("POST", path, content=as_json(spans(B)), headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    assert stored(api, team_id, A.hex(), B.hex()) == [A.hex(), B.hex()]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_otlp_comes_packed(api: Api, key: str, team_id: int, encoding: str) -> None:
    pack = PACKED[encoding][0]
    body = pack(spans(A).SerializeToString())
    answer = send_spans(api, body, key=key, Content_Encoding=encoding)
    assert answer.status_code == 200
    assert stored(api, team_id, A.hex()) == [A.hex()]


def test_spans_that_are_left_out_are_counted(api: Api, key: str, team_id: int) -> None:
    answer = send_spans(api, spans(A, SHORT).SerializeToString(), key=key)
    assert answer.status_code == 200
    said = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert said.rejected_spans == 1
    assert said.error_message.startswith("1 left out: ")
    assert stored(api, team_id, A.hex()) == [A.hex()]
    body = as_json(spans(B, SHORT))
    answer = send_spans(api, body, key=key, Content_Type="application/json")
    partial = answer.json()["partialSuccess"]
    assert (partial["rejectedSpans"], partial["errorMessage"][:12]) == ("1", "1 left out: ")
    assert stored(api, team_id, B.hex()) == [B.hex()]


def test_spans_of_which_none_can_be_kept(api: Api, key: str) -> None:
    answer = send_spans(api, spans(SHORT).SerializeToString(), key=key)
    assert answer.status_code == 400
    assert status_message(answer).startswith("1 left out: ")


def test_a_request_without_spans_is_fine(api: Api, key: str) -> None:
    assert send_spans(api, b"", key=key).status_code == 200
    assert send_spans(api, b"{}", key=key, Content_Type="application/json").json() == {}


OTLP_BROKEN: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "no protobuf": (b"\xff", {}, 400, "body: "),
    "half": (spans(A).SerializeToString()[:-5], {}, 400, "body: "),
    "cut": (packed({})[:-3], {"Content_Encoding": "gzip"}, 400, "body: its gzip ends too early"),
    "br": (b"", {"Content_Encoding": "br"}, 415, "Content-Encoding: must be "),
    "large": (b"x" * (MAX_BODY_BYTES + 1), {}, 413, "a request may hold 67108864 bytes"),
    "bulky": (b"\x0a\x00" * 5_000_001, {}, 400, "body: "),
}


@pytest.mark.parametrize("kind", OTLP_BROKEN)
def test_otlp_that_cannot_be_read(api: Api, key: str, kind: str) -> None:
    body, headers, status, message = OTLP_BROKEN[kind]
    answer = send_spans(api, body, key=key, **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROTOBUF
    assert status_message(answer).startswith(message)
    headers = headers | {"Content_Type": "application/json"}
    answer = send_spans(api, body, key=key, **headers)
    assert answer.status_code == status
    assert list(answer.json()) == ["message"]
    assert answer.json()["message"].startswith(message)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/grpc", "é"])
def test_otlp_in_another_form(api: Api, key: str, content_type: str) -> None:
    body = spans(A).SerializeToString()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": content_type.encode()}
    answer = api.ask("POST", OTLP, content=body, headers=headers)
    assert answer.status_code == 415
    assert answer.json() == {
        "message": "Content-Type: must be application/x-protobuf or application/json"
    }


# -- both ---------------------------------------------------------------------------------------


def test_sent_again_is_kept_once(api: Api, key: str, team_id: int) -> None:
    body = spans(A).SerializeToString()
    for _ in range(2):
        assert send_spans(api, body, key=key).status_code == 200
        api.post(BATCH, json=batch(generation("a"), key=key))
    found = api.store.events.of_traces(team_id, ["a", A.hex()])
    assert [len(trace.events) for trace in found.values()] == [1, 1]


def test_fifty_megabytes_are_taken(api: Api, key: str, team_id: int) -> None:
    events = [generation(f"t{i}", properties={"$ai_trace_id": f"t{i}"}) for i in range(4)]
    for event in events:
        event["properties"]["$ai_input"] = "0123456789" * 1_250_000
    body = json.dumps(batch(*events, key=key)).encode()
    assert len(body) > 50_000_000
    assert api.post(BATCH, content=body) == {"status": 1}
    assert stored(api, team_id, "t0", "t1", "t2", "t3") == ["t0", "t1", "t2", "t3"]


def test_a_store_that_fails_makes_senders_wait(tmp_path: Path) -> None:
    with ClickHouseFront(tmp_path / "store") as front:
        closed = Store.open(front.dsn("mine"), retention_days=92)
    api = Api(closed, Settings(data_dir=tmp_path))
    answer = api.ask("POST", BATCH, json=batch(generation("a")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json()["error"]["type"] == "StoreError"
    answer = send_spans(api, spans(A).SerializeToString())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert status_message(answer).startswith("ClickHouse: ")


def test_what_is_received_and_refused_is_counted(api: Api, key: str) -> None:
    before = counted(api)
    api.post(BATCH, json=batch(generation("a"), generation("b"), generation(None), key=key))
    send_spans(api, spans(A, SHORT).SerializeToString(), key=key)
    send_spans(api, b"\xff", key=key)
    after = counted(api)
    # Other tests of this process count as well, and from other sources.
    more = {name: after[name] - before.get(name, 0) for name in after}
    assert {name: count for name, count in more.items() if count} == {
        'received_total{source="posthog"}': 2,
        'rejected_total{source="posthog"}': 1,
        'received_total{source="otlp"}': 1,
        'rejected_total{source="otlp"}': 2,
    }


def counted(api: Api) -> dict[str, float]:
    prefix = "trace_clustering_events_"
    lines = api.ask("GET", "/metrics").text.splitlines()
    rows = (line.removeprefix(prefix).split(" ") for line in lines if line.startswith(prefix))
    return {name: float(value) for name, value in rows if "_total" in name}


def test_refusals_are_logged_with_the_team_and_the_reason(
    api: Api, key: str, team_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        send_spans(api, b"\xff", key=key)
        api.ask("POST", BATCH, json=batch(generation("a"), 7, key=key))
    first, second = [record.__dict__ for record in caplog.records]
    assert (first["msg"], first["team_id"], first["status"]) == ("Refused a request", team_id, 400)
    assert (second["msg"], second["team_id"]) == ("Left out parts of a request", team_id)
    assert second["reason"] == "1 left out: batch.1: event: must be an object"
    assert key not in caplog.text
