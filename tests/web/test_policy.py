"""Headers of every answer, and errors: pages where people look, JSON where programs do."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from tests.builders import finish_run
from tests.support.clickhouse_front import ClickHouseFront
from tests.support.run_event import run_event
from tests.web.test_api import Api, run_path
from trace_clustering.errors import StoreError
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web.pages.policy import DATA_POLICY, PAGE_POLICY
from trace_clustering.web.paths import is_page_path

POLICY = "content-security-policy"


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Api:
    return Api(store, Settings(data_dir=tmp_path))


@pytest.fixture
def failing(store: Store, tmp_path: Path) -> Api:
    """An application with routes that fail, as a page and as the API."""
    api = Api(store, Settings(data_dir=tmp_path))

    async def unexpected() -> None:
        raise RuntimeError("<script>alert(1)</script>\x1b[31m\u202e")

    async def unavailable() -> None:
        raise StoreError("ClickHouse does not answer")

    for prefix in ("/x", "/api/v1/x"):
        api.app.get(f"{prefix}/unexpected")(unexpected)
        api.app.get(f"{prefix}/unavailable")(unavailable)
    return api


def ask(api: Api, path: str) -> httpx.Response:
    """An answer, also where the server would log an unexpected error afterwards."""
    return api.ask("GET", path, raise_app_exceptions=False)


def assert_hardened(answer: httpx.Response, policy: str) -> None:
    headers = answer.headers
    assert headers[POLICY] == policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


# -- headers ----------------------------------------------------------------------------------


def test_the_policy_of_pages() -> None:
    parts = dict(part.split(" ", 1) for part in PAGE_POLICY.split("; "))
    assert parts["default-src"] == parts["base-uri"] == parts["frame-ancestors"] == "'none'"
    assert parts["script-src"] == parts["connect-src"] == parts["form-action"] == "'self'"
    assert parts["style-src"].split()[0] == "'self'"
    assert all(one.startswith("'sha256-") for one in parts["style-src"].split()[1:])
    assert parts["img-src"] == "'self' data: blob:"
    assert "unsafe" not in PAGE_POLICY


@pytest.mark.parametrize("path", ["/sign-in", "/nothing", "/runs/nonsense/nothing"])
def test_pages(api: Api, path: str) -> None:
    answer = api.ask("GET", path, params={"next": "/teams/1"})
    assert_hardened(answer, PAGE_POLICY)
    assert "no-cache" in answer.headers["cache-control"] or answer.status_code != 200
    assert answer.headers["vary"] == "Cookie"


@pytest.mark.parametrize(
    "path", ["/healthz", "/metrics", "/openapi.json", "/api/v1/teams", "/api/v1/nothing", "/v1/x"]
)
def test_what_programs_read(api: Api, path: str) -> None:
    answer = api.ask("GET", path)
    assert_hardened(answer, DATA_POLICY)
    assert answer.headers["cache-control"] == "private, no-cache"


def test_files_that_pages_load_may_be_kept(api: Api) -> None:
    answer = api.ask("GET", "/static/style.css")
    assert_hardened(answer, PAGE_POLICY)
    assert "Cookie" not in answer.headers["vary"]
    assert "private" not in answer.headers["cache-control"]


def test_a_report_keeps_its_own_policy(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id, event=run_event())
    answer = api.ask("GET", run_path(run.run_id, "report"))
    own = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', answer.text)
    (policy,) = [one.replace("&#39;", "'") for one in own]
    assert "script-src 'sha256-" in policy
    assert_hardened(answer, f"{policy}; frame-ancestors 'none'")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/v1/teams", {"Host": "evil.example"}),
        ("/api/v1/teams", {"Authorization": "Bearer wrong"}),
        ("/teams/1", {}),
    ],
)
def test_refusals(store: Store, tmp_path: Path, path: str, headers: dict[str, str]) -> None:
    api = Api(store, Settings(data_dir=tmp_path, token=SecretStr("secret")))
    answer = api.ask("GET", path, headers=headers)
    assert answer.status_code in (303, 401)
    assert_hardened(answer, PAGE_POLICY if is_page_path(path) else DATA_POLICY)


# -- errors -----------------------------------------------------------------------------------


def assert_is_page(answer: httpx.Response, status: int, *told: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert_hardened(answer, PAGE_POLICY)
    for text in (*told, 'href="/"', f"Error {status}"):
        assert text in answer.text


def test_what_is_not_there(api: Api) -> None:
    assert_is_page(api.ask("GET", "/nothing"), 404, "Not found", "list of teams")
    assert api.error(404, "GET", "/api/v1/nothing")
    here = {"Origin": "http://localhost"}
    answer = api.ask("PUT", "/sign-in", headers=here)
    assert_is_page(answer, 405, "cannot be done")
    assert answer.headers["allow"]
    assert_is_page(api.ask("POST", "/teams/1", headers={"Origin": "http://a"}), 403, "another site")


def test_what_is_unexpected(failing: Api) -> None:
    answer = ask(failing, "/x/unexpected")
    assert_is_page(answer, 500, "Something went wrong", "&lt;script&gt;")
    assert not set("\x1b\u202e") & set(answer.text)
    answer = ask(failing, "/api/v1/x/unexpected")
    assert answer.json()["error"]["type"] == "RuntimeError"
    assert_hardened(answer, DATA_POLICY)


def test_what_does_not_answer(failing: Api) -> None:
    assert_is_page(ask(failing, "/x/unavailable"), 503, "ClickHouse does not answer", "reload")
    assert ask(failing, "/api/v1/x/unavailable").json()["error"]["type"] == "StoreError"


def test_pages_of_errors_need_no_store(tmp_path: Path) -> None:
    with ClickHouseFront(tmp_path / "store") as front:
        store = Store.open(front.dsn("mine"), retention_days=92)
    api = Api(store, Settings(data_dir=tmp_path))
    assert_is_page(api.ask("GET", "/nothing"), 404)


@pytest.mark.parametrize(
    ("path", "is_page"),
    [
        *(("/", True), ("/teams/1", True), ("/runs/team_1_x", True), ("/sign-in", True)),
        *(("/healthz", False), ("/metrics", False), ("/openapi.json", False), ("/api/x", False)),
        *(("/v1/traces", False), ("/v1/logs", False), ("/batch", False), ("/e/", False)),
        *(("/i/v0/e", False), ("/static/x", False), ("/healthz/", True), ("/eel", True)),
    ],
)
def test_whose_path_it_is(path: str, is_page: bool) -> None:
    assert is_page_path(path) == is_page
