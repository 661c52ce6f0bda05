"""What pages of other sites may not do to a service on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from tests.web.test_api import Api
from trace_clustering.settings import Settings
from trace_clustering.store import Store

TOKEN = "secret"


def ask(
    store: Store, folder: Path, method: str, headers: dict[str, str], token: str | None = None
) -> int:
    app = Api(store, Settings(data_dir=folder, token=SecretStr(token) if token else None)).app

    async def send() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            path = "/api/v1/teams" if method == "GET" else "/api/v1/schedule"
            return (await http.request(method, path, headers=headers)).status_code

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8234", 200),
        ("127.0.0.1:8234", 200),
        ("[::1]:8234", 200),
        ("evil.example", 403),
        ("evil.example:8234", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("[", 403),
    ],
)
def test_without_a_token_only_own_names_are_served(
    store: Store, tmp_path: Path, host: str, status: int
) -> None:
    assert ask(store, tmp_path, "GET", {"Host": host}) == status


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_a_change_may_not_come_from_another_site(
    store: Store, tmp_path: Path, headers: dict[str, str], status: int, token: str | None
) -> None:
    given = headers | ({"Authorization": f"Bearer {TOKEN}"} if token else {})
    assert ask(store, tmp_path, "PUT", given, token) == status
