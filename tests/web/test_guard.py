"""Who is let in, and what pages of other sites may not do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pydantic import SecretStr

from tests.builders import finish_run
from tests.web.test_api import Api
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web.access import LIMITED, Token
from trace_clustering.web.paths import (
    OPEN_PATHS,
    PROJECTS_PATH,
    SENDER_PATHS,
    STATIC_PREFIX,
)
from trace_clustering.web.payloads import Refused
from trace_clustering.web.senders import team_of_sender
from trace_clustering.web.sessions import COOKIE, session_value

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


# -- tokens -----------------------------------------------------------------------------------

ALL, SOME = "correct horse ñ", "some"


def bearer(token: str) -> dict[str, bytes]:
    return {"Authorization": f"Bearer {token}".encode()}


def session(token: str = ALL) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={session_value(Token(token, None))}"}


@pytest.fixture
def guarded(store: Store, tmp_path: Path) -> Api:
    tokens = {"1,2": SecretStr(SOME)}
    return Api(store, Settings(data_dir=tmp_path, token=SecretStr(ALL), team_tokens=tokens))


def status(api: Api, method: str, path: str, headers: Mapping[str, Any]) -> int:
    return api.ask(method, path, headers=headers).status_code


BAD_CREDENTIALS: list[dict[str, Any]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": ALL.encode()},
    {"Authorization": f"Basic {ALL}".encode()},
    {"Authorization": f"bearer {ALL}".encode()},
    {"Authorization": f"Bearer  {ALL}".encode()},
    bearer(ALL[:-1]),
    bearer(ALL + "x"),
    bearer("\udcff".encode("utf-8", "replace").decode()),
    bearer(f"{ALL}, Bearer {ALL}"),
    session("wrong"),
    {"Cookie": f"{COOKIE}={SOME}"},
    {"Cookie": f"{COOKIE}="},
    {"Cookie": f"other={session()['Cookie'].partition('=')[2]}"},
]


@pytest.mark.parametrize("headers", BAD_CREDENTIALS)
def test_without_a_token_nothing_is_told(guarded: Api, headers: dict[str, Any]) -> None:
    for path in ("/api/v1/teams", "/api/v1/nothing", "/openapi.json", "/metrics"):
        error = guarded.error(401, "GET", path, headers=headers)
        assert error["type"] == "Unauthorized"
        answer = guarded.ask("GET", path, headers=headers)
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/", "/teams/1", "/nothing"):
        answer = guarded.ask("GET", path, headers=headers)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")
    assert status(guarded, "PUT", "/x", headers) == 401


@pytest.mark.parametrize(
    "path", ["/healthz/", "//healthz", "/healthz/..", "/HEALTHZ", "/static", "//static/style.css"]
)
def test_nothing_passes_for_what_is_open(guarded: Api, path: str) -> None:
    assert status(guarded, "GET", path, {}) == 303
    assert status(guarded, "POST", path, {}) == 401


def test_a_token_opens_what_it_may(guarded: Api) -> None:
    for path, of_all, of_some in (
        ("/api/v1/teams/1/runs", 200, 200),
        ("/api/v1/teams/3/runs", 200, 403),
        ("/api/v1/config", 200, 403),
        ("/healthz", 200, 200),
    ):
        assert status(guarded, "GET", path, bearer(ALL)) == of_all
        assert status(guarded, "GET", path, session(ALL)) == of_all
        assert status(guarded, "GET", path, bearer(SOME)) == of_some
        assert status(guarded, "GET", path, session(SOME)) == of_some
    # A proxy's own sign-in stands beside ours.
    assert (
        status(guarded, "GET", "/api/v1/teams", session() | {"Authorization": "Basic eA=="}) == 200
    )


def test_words_of_a_refusal_tell_nothing(guarded: Api, team_id: int) -> None:
    run = finish_run(guarded.store, team_id)
    there = f"/api/v1/runs/{quote(run.run_id)}"
    told = {
        guarded.ask("GET", path, headers=bearer(SOME)).text
        for path in (
            there,
            f"{there}x",
            "/api/v1/runs/nonsense",
            "/api/v1/teams/9/runs",
            "/api/v1/x",
        )
    }
    assert len(told) == 1
    assert LIMITED in told.pop()


def test_a_senders_route_is_no_way_in(guarded: Api) -> None:
    for path in SENDER_PATHS - {PROJECTS_PATH}:
        assert status(guarded, "GET", path, bearer(ALL)) == 405


def test_a_limited_token_sends_to_its_own_teams(tmp_path: Path) -> None:
    tokens = {"1": SecretStr("mine"), "2": SecretStr("theirs")}
    settings = Settings(data_dir=tmp_path, token=SecretStr(ALL), team_tokens=tokens)
    keys = NoKeys()
    assert team_of_sender(keys, settings, ["mine"]) == 1
    assert team_of_sender(keys, settings, [ALL]) == 1
    for others in (["theirs"], [], ["x"]):
        with pytest.raises(Refused):
            team_of_sender(keys, settings, others)


class NoKeys:
    """Of a service where no key was made."""

    def any(self) -> bool:
        return False

    def team_of(self, key: str) -> int | None:
        return None


# -- changes by cookie ------------------------------------------------------------------------

CHANGES = [("PUT", "/api/v1/schedule"), ("POST", "/api/v1/teams/1/summarization")]
HERE: list[dict[str, str]] = [
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
]
ELSEWHERE: list[dict[str, str]] = [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8233", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:8233"},
    {"Origin": "http://sister.localhost", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://evil.example@localhost"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Referer": "http://localhost/"},
    {},
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("headers", HERE)
def test_a_change_from_a_page_of_ours(
    guarded: Api, method: str, path: str, headers: dict[str, str]
) -> None:
    assert guarded.ask(method, path, headers=session() | headers).is_success


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_change_by_cookie_from_elsewhere_or_nowhere(
    guarded: Api, method: str, path: str, headers: dict[str, str]
) -> None:
    assert status(guarded, method, path, session() | headers) == 403
    assert guarded.temporal.summarizations == []
    assert guarded.temporal.schedules == {}


def test_a_program_with_a_token_need_not_say_where_it_is(guarded: Api) -> None:
    for method, path in CHANGES:
        assert guarded.ask(method, path, headers=bearer(ALL)).is_success
        assert guarded.ask(method, path, headers=bearer(ALL) | session()).is_success


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
@pytest.mark.parametrize("headers", ELSEWHERE)
def test_nobody_is_signed_in_or_out_unawares(
    guarded: Api, path: str, headers: dict[str, str]
) -> None:
    answer = guarded.ask("POST", path, data={"token": ALL}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_there_is_nothing_to_talk_to_for_web_sockets(guarded: Api) -> None:
    sent = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
    asyncio.run(guarded.app(scope, receive, send))
    assert sent == ["websocket.close"]


def test_the_setting_of_the_token_says_what_is_open_without() -> None:
    description = Settings.model_fields["token"].description or ""
    assert all(path in description for path in (*OPEN_PATHS, STATIC_PREFIX))
