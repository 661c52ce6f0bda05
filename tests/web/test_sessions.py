"""Signing in and out: what the cookie is, and where one goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.web.test_api import Api
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web.access import Access, Token
from trace_clustering.web.sessions import (
    COOKIE,
    MAX_AGE_SECONDS,
    local_path,
    session_access,
    session_value,
)

TOKEN = "correct horse ñ"
ALL = Token(TOKEN, None)
SOME = Token("some", frozenset({1, 2}))
NOW = datetime.now(UTC)
HERE = {"Origin": "http://localhost"}


# -- the value --------------------------------------------------------------------------------


def test_a_value_gives_what_its_token_gives() -> None:
    tokens = [SOME, ALL]
    assert session_access(session_value(ALL), tokens, NOW) == Access(None, session=True)
    assert session_access(session_value(SOME), tokens, NOW) == Access(SOME.teams, session=True)


def test_a_value_ends_with_its_token() -> None:
    assert session_access(session_value(ALL), [SOME], NOW) is None
    assert session_access(session_value(ALL), [], NOW) is None


def test_a_token_that_got_other_teams_gives_those() -> None:
    value = session_value(SOME)
    fewer = frozenset({2})
    found = session_access(value, [Token(SOME.secret, fewer)], NOW)
    assert found is not None
    assert found.teams == fewer


def test_a_value_ends_after_thirty_days() -> None:
    value = session_value(ALL)
    last = datetime.now(UTC) + timedelta(seconds=MAX_AGE_SECONDS - 60)
    assert session_access(value, [ALL], last)
    assert session_access(value, [ALL], last + timedelta(minutes=2)) is None


@pytest.mark.parametrize("token", ["secret", TOKEN, "a.b.c"])
def test_a_value_does_not_hold_the_token(token: str) -> None:
    value = session_value(Token(token, None))
    assert token not in value
    assert len(value) < 100


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_no_text_of_strangers_is_a_value(value: str) -> None:
    assert session_access(value, [SOME, ALL], NOW) is None


@given(st.integers(0, 60), st.characters(codec="ascii"))
def test_a_value_that_was_changed_is_none(place: int, character: str) -> None:
    value = session_value(ALL)
    place %= len(value)
    changed = value[:place] + character + value[place + 1 :]
    found = session_access(changed, [ALL], NOW)
    # The last character of a signature has bits that say nothing.
    assert changed == value or place == len(value) - 1 or found is None


# -- where one goes on ------------------------------------------------------------------------

PLACES = [
    "/",
    "/teams/1",
    "/runs/team_1_x?level=2&map=1.5,0,0",
    "/a//b",
    "/teams/1/traces/http://x",
]
NO_PLACES = [
    *("", "x", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example"),
    *("https://evil.example", "javascript:alert(1)", "/\n/evil.example", "///evil.example"),
    *("/sign-out", "/sign-in?next=/teams"),
    *("http:/evil.example", " /teams", "/teams 1", "/a\r\nSet-Cookie: x=1", "/\u2028", "/ñ"),
]


@pytest.mark.parametrize("target", PLACES)
def test_a_place_of_this_service(target: str) -> None:
    assert local_path(target) == target


@pytest.mark.parametrize("target", NO_PLACES)
def test_no_place_of_this_service(target: str) -> None:
    assert local_path(target) == "/"


@given(
    st.lists(
        st.sampled_from(["/", "\\", "\t", "\r", "evil.example", "@", ":", "http", "."])
        | st.text(max_size=3)
    )
)
def test_nowhere_else(parts: list[str]) -> None:
    found = local_path("".join(parts))
    # As browsers read addresses: without tabs and line breaks, and every backslash is a slash.
    read = found.translate({9: None, 10: None, 13: None, 92: "/"})
    assert urlsplit(urljoin("http://localhost/sign-in", read)).netloc == "localhost"


# -- the pages --------------------------------------------------------------------------------


@pytest.fixture
def guarded(store: Store, tmp_path: Path) -> Api:
    tokens = {"1,2": SecretStr("some")}
    return Api(store, Settings(data_dir=tmp_path, token=SecretStr(TOKEN), team_tokens=tokens))


def sign_in(api: Api, token: str, target: str = "", url: str = "/sign-in") -> httpx.Response:
    return api.ask("POST", url, data={"token": token, "next": target}, headers=HERE)


def cookie_of(answer: httpx.Response) -> Morsel[str]:
    return SimpleCookie(answer.headers["set-cookie"])[COOKIE]


def test_signing_in_and_going_on(guarded: Api) -> None:
    asked = guarded.ask("GET", "/nothing/here?a=b%20c&d=%2F")
    assert asked.status_code == 303
    page = guarded.ask("GET", asked.headers["location"])
    assert page.status_code == 200
    assert 'value="/nothing/here?a=b%20c&amp;d=%2F"' in page.text
    answer = sign_in(guarded, TOKEN, "/nothing/here?a=b%20c&d=%2F")
    assert (answer.status_code, answer.headers["location"]) == (303, "/nothing/here?a=b%20c&d=%2F")
    headers = {"Cookie": f"{COOKIE}={cookie_of(answer).value}"}
    assert guarded.ask("GET", "/api/v1/teams", headers=headers).status_code == 200
    found = guarded.ask("GET", "/nothing/here", headers=headers)
    assert found.status_code == 404
    assert "Sign out" in found.text


def test_the_cookie(guarded: Api) -> None:
    cookie = cookie_of(sign_in(guarded, TOKEN))
    assert cookie["httponly"] is True
    assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("lax", "/", "")
    assert int(cookie["max-age"]) == MAX_AGE_SECONDS
    assert not cookie["secure"]
    headers = {"Origin": "https://localhost"}
    answer = guarded.ask(
        "POST", "https://localhost/sign-in", data={"token": TOKEN}, headers=headers
    )
    assert cookie_of(answer)["secure"] is True


def test_a_proxy_is_believed_by_the_server_alone(guarded: Api) -> None:
    headers = HERE | {"X-Forwarded-Proto": "https"}
    answer = guarded.ask("POST", "/sign-in", data={"token": TOKEN}, headers=headers)
    assert not cookie_of(answer)["secure"]


def test_a_limited_token_signs_in_to_its_teams(guarded: Api) -> None:
    headers = {"Cookie": f"{COOKIE}={cookie_of(sign_in(guarded, ' some ')).value}"}
    for path, status in (("/api/v1/teams/2/runs", 200), ("/api/v1/teams/3/runs", 403)):
        assert guarded.ask("GET", path, headers=headers).status_code == status


@pytest.mark.parametrize(
    "token", ["", " ", "wrong", TOKEN + "x", "\ud83d".encode("utf-8", "replace").decode()]
)
def test_a_wrong_token(guarded: Api, token: str) -> None:
    answer = sign_in(guarded, token, "/teams/1")
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert 'role="alert"' in answer.text
    assert 'value="/teams/1"' in answer.text


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"token", b"&&=&", b"token=%ff%00", b"%" * 99])
def test_a_form_of_strangers(guarded: Api, body: bytes) -> None:
    answer = guarded.ask("POST", "/sign-in", content=body, headers=HERE)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/html")


def test_a_form_that_is_too_large(guarded: Api) -> None:
    answer = guarded.ask("POST", "/sign-in", content=b"token=" + b"x" * 20_000, headers=HERE)
    assert answer.status_code == 413


def test_signing_in_leads_nowhere_else(guarded: Api) -> None:
    for target in {one.strip() for one in NO_PLACES} - {"/teams"}:
        assert sign_in(guarded, TOKEN, target).headers["location"] == "/"


def test_signing_out(guarded: Api) -> None:
    headers = HERE | {"Cookie": f"{COOKIE}={session_value(ALL)}"}
    answer = guarded.ask("POST", "/sign-out", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    cookie = cookie_of(answer)
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/")


def test_without_tokens_there_is_nothing_to_sign_in_to(store: Store, tmp_path: Path) -> None:
    api = Api(store, Settings(data_dir=tmp_path))
    assert api.ask("GET", "/sign-in", params={"next": "/teams/1"}).headers["location"] == "/teams/1"
    answer = sign_in(api, "anything")
    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers
