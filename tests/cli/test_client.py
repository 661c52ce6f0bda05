"""The API's client: errors come back as ours, and the running service is found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from trace_clustering.announcement import SERVICE_FILE, announced, announced_url
from trace_clustering.cli import client
from trace_clustering.cli.client import ApiClient, run_path, workflow_path
from trace_clustering.errors import InvalidInputError, NotFoundError, ServiceError
from trace_clustering.settings_sources import load_settings

pytestmark = pytest.mark.anyio


def answering(status: int, content: bytes) -> ApiClient:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=content))
    return ApiClient(httpx.AsyncClient(transport=transport, base_url="http://test"))


def error(kind: str, field: str | None, message: str) -> bytes:
    return json.dumps({"error": {"type": kind, "field": field, "message": message}}).encode()


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (422, error("InvalidInputError", "min_k", "min_k: no"), InvalidInputError("min_k", "no")),
        (404, error("NotFoundError", None, "no run"), NotFoundError("no run")),
        (404, b"<html>", NotFoundError("HTTP 404: <html>")),
        (503, error("StoreError", None, "down"), ServiceError("down")),
        (401, error("Unauthorized", None, "a token"), ServiceError("a token")),
        (500, b"Internal Server Error", ServiceError("HTTP 500: Internal Server Error")),
        (502, b"[]", ServiceError("HTTP 502: []")),
        (502, b'{"error": 1}', ServiceError('HTTP 502: {"error": 1}')),
        (413, b"x" * 900, ServiceError("HTTP 413: " + "x" * 200)),
    ],
)
async def test_errors_come_back(status: int, content: bytes, expected: Exception) -> None:
    with pytest.raises(type(expected)) as caught:
        await answering(status, content).get("/")
    assert str(caught.value) == str(expected)


async def test_a_service_that_does_not_answer() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    http = httpx.AsyncClient(transport=httpx.MockTransport(refuse), base_url="http://test")
    with pytest.raises(ServiceError, match="does not answer: no route"):
        await ApiClient(http).get("/")


@pytest.mark.parametrize(
    ("method", "arguments", "sent"),
    [
        ("get", ("/x",), ("GET", b"")),
        ("put", ("/x",), ("PUT", b"")),
        ("delete", ("/x",), ("DELETE", b"")),
        ("post", ("/x", {"a": 1}), ("POST", b'{"a":1}')),
        ("ingest", (3, b"lines\n", 7), ("POST", b"lines\n")),
    ],
)
async def test_requests(method: str, arguments: tuple[Any, ...], sent: tuple[str, bytes]) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"ok": True})

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://test")
    assert await getattr(ApiClient(http), method)(*arguments) == {"ok": True}
    assert (seen[0].method, seen[0].content) == sent


@pytest.mark.parametrize("token", ["plain", "mit-ümlaut-你"])
async def test_the_token_is_sent(tmp_path: Path, token: str) -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.extend(value for name, value in request.headers.raw if name == b"Authorization")
        return httpx.Response(200, json={})

    settings = load_settings({"data_dir": tmp_path, "token": token})
    transport = httpx.MockTransport(answer)
    async with client._http(settings, base_url="http://test", transport=transport) as http:
        await ApiClient(http).get("/")
    assert seen == [f"Bearer {token}".encode()]


def test_ids_are_quoted_in_paths() -> None:
    assert run_path("team_1_2025-01-23T00:00:00Z", "event") == (
        "/api/v1/runs/team_1_2025-01-23T00%3A00%3A00Z/event"
    )
    assert run_path("../x?y#z") == "/api/v1/runs/..%2Fx%3Fy%23z"
    assert workflow_path("a/b") == "/api/v1/workflows/a%2Fb"


def test_a_service_says_where_it_is_for_as_long_as_it_runs(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert announced_url(folder) is None
    with announced(folder, "http://127.0.0.1:1"):
        assert announced_url(folder) == "http://127.0.0.1:1"
    assert announced_url(folder) is None


def test_another_service_keeps_its_word(tmp_path: Path) -> None:
    with announced(tmp_path, "http://127.0.0.1:1"):
        assert [path.name for path in tmp_path.iterdir()] == [SERVICE_FILE]
        later = {"url": "http://127.0.0.1:2", "pid": os.getpid() + 1}
        (tmp_path / SERVICE_FILE).write_text(json.dumps(later), encoding="utf-8")
    assert announced_url(tmp_path) == "http://127.0.0.1:2"


def test_an_announcement_is_never_read_by_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError("no space left")

    with announced(tmp_path, "http://127.0.0.1:1"):
        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="no space"), announced(tmp_path, "http://127.0.0.1:2"):
            pass
        assert announced_url(tmp_path) == "http://127.0.0.1:1"
        assert [path.name for path in tmp_path.iterdir()] == [SERVICE_FILE]


@pytest.mark.parametrize(
    ("needs", "temporal", "expected"),
    [
        ("store", None, (False, False)),
        ("temporal", None, (True, False)),
        ("worker", None, (True, True)),
        ("lasting", "server:7233", (True, False)),
        ("lasting", None, None),
    ],
)
def test_what_a_service_started_here_has(
    tmp_path: Path, needs: Any, temporal: str | None, expected: tuple[bool, bool] | None
) -> None:
    settings = load_settings({"data_dir": tmp_path, "temporal_address": temporal})
    if expected is None:
        with pytest.raises(client.NoServiceError, match="no service runs"):
            client._parts(settings, needs)
        return
    parts = client._parts(settings, needs)
    assert (parts.temporal, parts.worker) == expected
    assert not parts.schedule


async def test_an_announced_address_that_is_none_is_nobody(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": tmp_path})
    for url in ("http://127.0.0.1:notaport", "http://a..b", ""):
        with announced(tmp_path, url):
            assert await client._running_url(settings) is None


async def test_an_answer_that_is_not_ours() -> None:
    with pytest.raises(ServiceError, match=r"http://test/ is no trace-clustering service"):
        await answering(200, b"<html>").get("/api/v1/teams")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b"\xff"])
def test_a_broken_announcement_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SERVICE_FILE).write_bytes(content)
    assert announced_url(tmp_path) is None
