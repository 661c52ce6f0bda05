"""Who may send: keys, the service's token, nobody at all, and what the guard leaves in place."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.web.receiving import (
    BATCH,
    OTLP,
    PROTOBUF,
    batch,
    generation,
    send_spans,
    spans,
    status_message,
)
from tests.web.test_api import Api
from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web.paths import (
    POSTHOG_V1_PATH,
    PROJECTS_PATH,
    SENDER_PATHS,
    is_open,
    is_page_path,
)

TOKEN = "correct horse ñ"
A = b"A" * 16


@pytest.fixture
def key(store: Store, team_id: int) -> str:
    return store.keys.create(team_id, "test").key


def made(store: Store, folder: Path, token: str | None = None) -> Api:
    return Api(store, Settings(data_dir=folder, token=SecretStr(token) if token else None))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ways_to_bring(key: str) -> list[tuple[dict[str, Any], str | None]]:
    """Headers, and the key in the body."""
    return [
        ({}, key),
        ({"Authorization": f"Bearer {key}".encode()}, None),
        ({"Authorization": basic("pk-lf-1", key)}, None),
        ({"Authorization": basic(key, "sk-lf-1")}, None),
        ({"X-API-Key": key.encode()}, None),
        ({"api-key": key.encode()}, "phc_of_elsewhere"),
    ]


def test_a_key_decides_the_team(store: Store, tmp_path: Path, key: str, team_id: int) -> None:
    for api in (made(store, tmp_path), made(store, tmp_path, TOKEN)):
        for i, (headers, in_body) in enumerate(ways_to_bring(key)):
            body = batch(generation(f"t{i}"), key=in_body)
            assert api.post(BATCH, json=body, headers=headers) == {"status": 1}
            if not in_body:
                given = {"Content-Type": PROTOBUF, **headers}
                content = spans(bytes([i]) * 16).SerializeToString()
                assert api.ask("POST", OTLP, content=content, headers=given).status_code == 200
    found = store.events.of_traces(team_id, [f"t{i}" for i in range(9)])
    assert sorted(found) == [f"t{i}" for i in range(6)]
    assert len(store.events.of_traces(team_id, [f"{i:02x}" * 16 for i in range(9)])) == 4


@pytest.mark.parametrize("token", [None, TOKEN])
def test_an_unknown_key_writes_nothing(
    store: Store, tmp_path: Path, key: str, team_id: int, token: str | None
) -> None:
    api = made(store, tmp_path, token)
    revoked = store.keys.create(team_id, "old")
    store.keys.revoke(revoked.record.key_id)
    for wrong in ("", key[:-1], key + "x", revoked.key, TOKEN):
        for headers, in_body in ways_to_bring(wrong):
            body = batch(generation("a"), key=in_body)
            error = api.error(401, "POST", BATCH, json=body, headers=headers)
            assert error["type"] == "Unauthorized"
        answer = send_spans(api, spans(A).SerializeToString(), key=wrong)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "required is a key" in status_message(answer)
    assert store.events.of_traces(team_id, ["a", A.hex()]) == {}
    assert store.events.of_traces(1, ["a", A.hex()]) == {}


def test_without_any_key_everything_is_team_1s(fresh_store: Store, tmp_path: Path) -> None:
    api = made(fresh_store, tmp_path)
    for i, (headers, in_body) in enumerate(ways_to_bring("phc_of_elsewhere")):
        body = batch(generation(f"t{i}"), key=in_body)
        assert api.post(BATCH, json=body, headers=headers) == {"status": 1}
    assert send_spans(api, spans(A).SerializeToString()).status_code == 200
    assert len(fresh_store.events.of_traces(1, [*(f"t{i}" for i in range(6)), A.hex()])) == 7
    first = fresh_store.keys.create(7, "first")
    api.error(401, "POST", BATCH, json=batch(generation("a"), key="phc_of_elsewhere"))
    fresh_store.keys.revoke(first.record.key_id)
    api.error(401, "POST", BATCH, json=batch(generation("a"), key=first.key))


def test_without_any_key_the_token_is_the_key(fresh_store: Store, tmp_path: Path) -> None:
    api = made(fresh_store, tmp_path, TOKEN)
    for headers, in_body in ways_to_bring(TOKEN):
        body = batch(generation("a"), key=in_body)
        assert api.post(BATCH, json=body, headers=headers) == {"status": 1}
    api.error(401, "POST", BATCH, json=batch(generation("b")))
    api.error(401, "POST", BATCH, json=batch(generation("b"), key=TOKEN[:-1]))
    assert send_spans(api, spans(A).SerializeToString()).status_code == 401
    assert sorted(fresh_store.events.of_traces(1, ["a", "b", A.hex()])) == ["a"]


BULKY = b"[" * 3_000_000


def test_a_sender_without_a_key_is_refused_before_its_json_is_parsed(
    store: Store, tmp_path: Path, key: str
) -> None:
    api = made(store, tmp_path)
    for path in (BATCH, POSTHOG_V1_PATH):
        for wrong in (b"", b'{"api_key": "phc_of_elsewhere"}'):
            assert api.error(401, "POST", path, content=wrong + BULKY)["type"] == "Unauthorized"
        named = b'{"api_key": "' + key.encode() + b'"}'
        for body in (named + BULKY, BULKY + named):
            error = api.error(400, "POST", path, content=body)
            assert error["message"] == "body: holds more than 2,000,000 opening brackets"


def test_a_key_that_a_trace_only_speaks_of_opens_nothing(
    store: Store, tmp_path: Path, key: str, team_id: int
) -> None:
    event = generation("a")
    event["properties"]["said"] = {"api_key": key}
    api = made(store, tmp_path)
    api.error(401, "POST", BATCH, json=batch(event, key="phc_of_elsewhere"))
    assert store.events.of_traces(team_id, ["a"]) == {}


@pytest.mark.parametrize("name", ["api_key", "token", "$token"])
def test_a_key_is_found_wherever_it_stands(
    store: Store, tmp_path: Path, key: str, team_id: int, name: str
) -> None:
    api = made(store, tmp_path)
    others = [{"event": "$identify", "properties": {"token": f"t{i}"}} for i in range(50)]
    first, last = generation("first"), generation("last")
    first["properties"][name] = key
    assert api.post(BATCH, json=[first, *others]) == {"status": 1, "ignored": 50}
    document = {"batch": [last, *others], name: key}
    assert api.post(BATCH, json=document) == {"status": 1, "ignored": 50}
    assert sorted(store.events.of_traces(team_id, ["first", "last"])) == ["first", "last"]


@pytest.mark.parametrize("path", [OTLP, BATCH])
def test_a_sender_without_a_key_is_read_to_its_end_though_not_kept(
    store: Store, tmp_path: Path, key: str, path: str
) -> None:
    api = made(store, tmp_path)
    headers = {"Content-Type": PROTOBUF, "Authorization": "Bearer phc_of_elsewhere"}
    for size in (10, MAX_BODY_BYTES + 1):
        answer = api.ask("POST", path, content=b"x" * size, headers=headers)
        # What is too large is not looked through for a key.
        assert answer.status_code == (413 if path == BATCH and size > 10 else 401)


def test_langfuse_checks_its_keys(store: Store, tmp_path: Path, key: str, team_id: int) -> None:
    api = made(store, tmp_path, TOKEN)
    answer = api.get(PROJECTS_PATH, headers={"Authorization": basic("pk-lf-1", key)})
    (project,) = answer["data"]
    assert project["id"] == project["organization"]["id"] == str(team_id)
    headers = {"Authorization": basic("pk-lf-1", "sk-lf-1")}
    assert api.error(401, "GET", PROJECTS_PATH, headers=headers)["type"] == "Unauthorized"


# -- what the guard goes on doing ---------------------------------------------------------------

ELSEWHERE = ["/v1/trace", "/v1/traces/x", "//v1/traces", "/v1/traces/..", "/batch/x", "/BATCH/"]


def test_the_guard_and_the_router_have_the_same_paths(store: Store, tmp_path: Path) -> None:
    api = made(store, tmp_path, TOKEN)
    for path in SENDER_PATHS:
        method = "GET" if path == PROJECTS_PATH else "POST"
        # Not the guard's words: the route was reached, and looks for a key itself.
        assert "bearer token" not in api.ask(method, path, content=b"{}").text
        assert api.ask("PUT", path).status_code == 405


def test_every_other_path_needs_the_token(store: Store, tmp_path: Path, key: str) -> None:
    api = made(store, tmp_path, TOKEN)
    for path in ELSEWHERE:
        for headers in ({}, {"Authorization": f"Bearer {key}"}):
            answer = api.ask("POST", path, headers=headers, json=batch(key=key))
            assert answer.status_code == 401
            assert "valid bearer token is required" in answer.text


def test_a_senders_key_opens_nothing_else(store: Store, tmp_path: Path, key: str) -> None:
    api = made(store, tmp_path, TOKEN)
    for path, methods in api.app.openapi()["paths"].items():
        if not is_open(path) and not is_page_path(path):
            for method in methods:
                named = path.replace("{team_id}", "1")
                headers = {"Authorization": f"Bearer {key}"}
                api.error(401, method.upper(), named, headers=headers)


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "", "Host": ""},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_may_not_send(
    store: Store, tmp_path: Path, key: str, headers: dict[str, str], token: str | None
) -> None:
    api = made(store, tmp_path, token)
    given = {**headers, "Authorization": f"Bearer {key}"}
    for path in SENDER_PATHS - {PROJECTS_PATH}:
        error = api.error(403, "POST", path, headers=given, json=batch())
        assert error["type"] == "Forbidden"


def test_without_a_token_only_own_names_are_served(store: Store, tmp_path: Path, key: str) -> None:
    api = made(store, tmp_path)
    headers = {"Host": "evil.example", "Authorization": f"Bearer {key}"}
    for path in SENDER_PATHS:
        method = "GET" if path == PROJECTS_PATH else "POST"
        assert api.error(403, method, path, headers=headers)["field"] == "Host"
