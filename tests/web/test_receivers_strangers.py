"""No request, however odd, is answered with an unexpected error, whichever receiver gets it."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.web.receiving import BATCH, OTLP, PROTOBUF, V1, as_json, batch, generation, spans
from tests.web.test_api import Api
from trace_clustering.settings import Settings
from trace_clustering.store import Store

JSON_TYPE = "application/json"
PATHS = [OTLP, "/api/public/otel/v1/traces", BATCH, "/capture/", "/i/v0/e/", V1]
EXPECTED = {200, 400, 401, 403, 413, 415}

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "\0", 2**64, -(2**63) - 1, 1e300, "2026-11-16T09:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
header_values = st.binary(max_size=20).filter(lambda v: not {b"\r"[0], b"\n"[0], 0} & set(v))
headers = st.dictionaries(
    st.sampled_from(
        [
            *("Content-Encoding", "Content-Type", "Authorization", "X-API-Key", "Api-Key"),
            *("Origin", "Host", "Sec-Fetch-Site", "Accept", "Expect", "Cookie"),
        ]
    ),
    header_values | st.sampled_from([b"gzip", b"identity", b"Basic OjpA", b"http://[", b"null"]),
    max_size=3,
)

strangers = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


class Receiver:
    """The application with one sender's key; without a token, so that nothing else is asked."""

    def __init__(self, store: Store, team_id: int, folder: Path) -> None:
        self.api = Api(store, Settings(data_dir=folder))
        self.key = store.keys.create(team_id, "stranger").key.encode()

    def send(
        self, path: str, body: bytes, given: dict[str, Any], *, as_sender: bool = True
    ) -> httpx.Response:
        """A request that must get one of the answers that receivers have."""
        known = {"Authorization": b"Bearer " + self.key} if as_sender else {}
        answer = self.api.ask("POST", path, content=body, headers={**known, **given})
        assert answer.status_code in EXPECTED, answer.text
        return answer


@pytest.fixture
def receiver(store: Store, team_id: int, tmp_path: Path) -> Receiver:
    return Receiver(store, team_id, tmp_path)


@strangers
@given(
    st.sampled_from(PATHS),
    st.binary(max_size=200),
    headers,
    st.binary(max_size=30),
    st.booleans(),
)
def test_any_bytes_with_any_headers(
    receiver: Receiver,
    path: str,
    body: bytes,
    given_headers: dict[str, bytes],
    parameters: bytes,
    as_sender: bool,
) -> None:
    query = "?compression=" + "".join(f"%{byte:02x}" for byte in parameters)
    receiver.send(path + query, body, given_headers, as_sender=as_sender)


@strangers
@given(st.sampled_from(PATHS), json_values, st.sampled_from(sorted(PACKERS)))
@example(V1, batch(generation("t"), generation(None, uuid="\ud800")), "")
def test_any_json_in_any_packing(
    receiver: Receiver, path: str, document: object, encoding: str
) -> None:
    body = PACKERS[encoding](json.dumps(document).encode())
    receiver.send(path, body, {"Content-Type": JSON_TYPE, "Content-Encoding": encoding})


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The paths of everything in a JSON document."""
    found = [path]
    items: Any = value.items() if isinstance(value, dict) else []
    if isinstance(value, list):
        items = enumerate(value)
    for name, part in items:
        found += places(part, (*path, name))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


FULL = generation(
    "t",
    uuid="0191c8de-5b0e-7f0a-b1c7-1d9c52000001",
    properties={
        **dict.fromkeys(("$ai_trace_id", "$ai_span_id", "$ai_parent_id", "token"), "t"),
        "$ai_input": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    },
)
VALID: dict[str, Any] = {
    OTLP: json.loads(as_json(spans(b"A" * 16, b"B" * 16))),
    BATCH: batch(FULL, FULL) | {"sent_at": "2026-11-16T09:00:00Z"},
    V1: batch(FULL),
}


@strangers
@given(st.data(), st.sampled_from(sorted(VALID)), json_values)
def test_a_good_request_with_one_wrong_part(
    receiver: Receiver, data: st.DataObject, path: str, new: object
) -> None:
    place = data.draw(st.sampled_from(places(VALID[path])))
    document = replaced(VALID[path], place, new)
    body = json.dumps(document).encode()
    receiver.send(path, body, {"Content-Type": JSON_TYPE})


@strangers
@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 500),
)
@example([(0, 0)], 500)
def test_good_protobuf_with_wrong_bytes(
    receiver: Receiver, wrong: list[tuple[int, int]], length: int
) -> None:
    body = bytearray(spans(b"A" * 16, b"B" * 16).SerializeToString())
    for place, byte in wrong:
        body[place % len(body)] = byte
    receiver.send(OTLP, bytes(body[:length]), {"Content-Type": PROTOBUF})


@pytest.mark.parametrize("path", [*PATHS, "/api/v1/teams"])
@pytest.mark.parametrize("host", [b"localhost", b"\xff", b"[", b""])
def test_what_no_proper_client_could_send(receiver: Receiver, path: str, host: bytes) -> None:
    """A query and headers that are no ASCII, past the client library."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"compression=\xff&\xc3",
        "headers": [(b"host", host), (b"content-type", b"\xff"), (b"authorization", b"\xff")],
        "client": None,
        "server": None,
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"\xff", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(receiver.api.app(scope, receive, send))
    assert sent[0]["status"] in EXPECTED | {405}
