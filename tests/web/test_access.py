"""What limited tokens may ask for: by path, and by what the router makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from tests.web.test_api import Api
from trace_clustering.errors import InvalidInputError, SettingsError
from trace_clustering.inputs import checked_int, team_of_run_id, team_of_workflow_id
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web.access import Access, Token, check_matched, may_ask, token_of, tokens_of

MINE = Access(frozenset({1}))
WORKFLOW = "trace-clustering-team-{}-2026-11-20T12:00:00+00:00"
OF_ANOTHER = {"team_id": 2, "run_id": "team_2_x", "workflow_id": WORKFLOW.format(2)}


def settings_with(token: str | None, **team_tokens: str) -> Settings:
    teams = {key.replace("_", ","): SecretStr(value) for key, value in team_tokens.items()}
    secret = SecretStr(token) if token is not None else None
    # Whatever is checked when settings are read, here it is checked again.
    return Settings.model_construct(token=secret, team_tokens=teams)


def test_tokens_and_their_teams() -> None:
    assert tokens_of(settings_with(None)) == []
    found = tokens_of(settings_with("all", **{"1_2": "some", "3": "one"}))
    some, one = frozenset({1, 2}), frozenset({3})
    assert found == [Token("some", some), Token("one", one), Token("all", None)]
    assert "some" not in repr(found)
    assert token_of(b"some", found) == found[0]
    assert token_of(b"som", found) is None
    assert token_of(b"", found) is None


@pytest.mark.parametrize(
    "tokens",
    [
        {"1": "all"},
        {"1": "a", "2": "a"},
        {"1": ""},
        {"x": "a"},
        {"": "a"},
        {"0": "a"},
        {"1__2": "a"},
    ],
)
def test_tokens_that_cannot_be_told_apart(tokens: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="team_tokens: "):
        tokens_of(settings_with("all", **tokens))


def test_what_may_be_seen() -> None:
    assert Access(None).may_see(7)
    assert MINE.may_see(1)
    assert not MINE.may_see(7)
    assert not Access(frozenset()).may_see(1)


ALLOWED = [
    *("/", "/sign-in", "/sign-out", "/healthz", "/openapi.json", "/static/style.css"),
    *("/api/v1/teams", "/teams/1", "/teams/1/start", "/api/v1/teams/1/traces/a/teams/2"),
    *("/runs/team_1_x", "/api/v1/runs/team_1_x/map", "/teams/1/", "/teams/ 1"),
    f"/workflows/{WORKFLOW.format(1)}",
    "/api/v1/workflows/trace-summarization-team-1/cancel",
]
REFUSED = [
    *("/teams/2", "/teams/2/start", "/api/v1/teams/2/traces/a/teams/1", "/teams/12", "/teams/01x"),
    *("/runs/team_2_x", "/api/v1/runs/team_2_team_1_x", "/runs/team_12_x", "/runs/x", "/teams/"),
    *("//teams/1", "/./teams/1", "/x/teams/1", "/api/teams/1", "/api/v2/teams/1", "/TEAMS/1"),
    *("/teams/../teams/1", "/api/v1//teams/1", "/teams//1", "/teams", "/runs", "/nothing", ""),
    *("/api/v1/teams/", "/api/v1/config", "/metrics", "/api/v1/keys", "/api/v1/keys/1"),
    *("/api/v1/schedule", "/api/v1/coordinator/runs", "/api/v1/summarization", "/sign-in/x"),
    f"/workflows/{WORKFLOW.format(2)}",
    f"/workflows/x-{WORKFLOW.format(1)}",
    "/api/v1/workflows/trace-clustering-coordinator-manual-2026-11-20T12:00:00+00:00",
    "/api/v1/workflows/trace-clustering-team-1x",
    "/api/v1/workflows/any-id",
]


@pytest.mark.parametrize("path", ALLOWED)
def test_paths_of_its_own_teams(path: str) -> None:
    assert may_ask(MINE, path)
    assert may_ask(Access(None), path)


@pytest.mark.parametrize("path", REFUSED)
def test_paths_of_all_else(path: str) -> None:
    assert not may_ask(MINE, path)
    assert may_ask(Access(None), path)


# -- path and router --------------------------------------------------------------------------


class Router:
    """Where the real application leads a path that the guard lets through; nothing is run."""

    def __init__(self, store: Store, folder: Path) -> None:
        tokens = {"1": SecretStr("mine")}
        settings = Settings(data_dir=folder, token=SecretStr("all"), team_tokens=tokens)
        self.app = Api(store, settings).app
        self.app.dependency_overrides[check_matched] = self._note
        self.paths = sorted(self.app.openapi()["paths"])
        self.found: Mapping[str, Any] | None = None

    def parameters(self, path: str) -> Mapping[str, Any] | None:
        self.found = None
        for method in ("GET", "POST"):
            asyncio.run(ask(self.app, path, method))
        return self.found

    async def _note(self, request: Request) -> None:
        self.found = request.path_params
        raise HTTPException(418)


async def ask(app: FastAPI, path: str, method: str = "GET", query: bytes = b"") -> int:
    """The status of the answer to a path exactly as given, which no client writes differently."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query,
        "root_path": "",
        "scheme": "http",
        "server": ("localhost", 80),
        "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer mine")],
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


@pytest.fixture(scope="module")
def router(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Router:
    return Router(store, tmp_path_factory.mktemp("router"))


def names_another_team(parameters: Mapping[str, Any]) -> bool:
    readers = {
        "team_id": lambda value: checked_int("team_id", value),
        "run_id": team_of_run_id,
        "workflow_id": team_of_workflow_id,
    }
    try:
        return any(
            read(parameters[name]) != 1 for name, read in readers.items() if name in parameters
        )
    except InvalidInputError:
        return True


PIECES = st.sampled_from(
    [
        *("teams", "runs", "workflows", "traces", "api", "v1", "api/v1", "start", "cancel", "map"),
        *("1", "2", " 2", "2 ", "2\n", "1\n", "+2", "02", "1,2", "٢", "", ".", "..", "%2e", "%2F"),
        *("team_1_x", "team_2_x", "team_2_x\n", "team_1_team_2_x", "static", "sign-in", "e", "\\"),
        *("healthz", WORKFLOW.format(1), WORKFLOW.format(2), "trace-summarization-team-2"),
    ]
)
PREFIXES = st.sampled_from(["/teams", "/api/v1/teams", "/api/v1/runs", "/api/v1/workflows", ""])
ENDS = st.sampled_from(["", "/", "\n", " ", "\x00"])
PATHS = st.builds(
    lambda prefix, parts, end: "/".join([prefix, *parts]) + end,
    PREFIXES,
    st.lists(PIECES | st.text(max_size=4), max_size=5),
    ENDS,
)


def test_the_way_from_path_to_router(router: Router) -> None:
    assert router.parameters("/api/v1/teams/1/runs") == {"team_id": "1"}
    assert router.parameters("/api/v1/teams/2/runs") is None


@given(PATHS)
def test_no_path_leads_to_another_team(router: Router, path: str) -> None:
    found = router.parameters(path)
    assert found is None or not names_another_team(found)


@given(st.data())
def test_no_disturbed_path_leads_to_another_team(router: Router, data: st.DataObject) -> None:
    """Paths of real routes, filled in with this team or another, and something put in between."""
    values: Mapping[str, Any] = data.draw(st.sampled_from([{"team_id": "1"}, OF_ANOTHER]))
    parts = data.draw(st.sampled_from(router.paths)).split("/")[1:]
    named = [str(values.get(part.strip("{}").partition(":")[0], part)) for part in parts]
    place = data.draw(st.integers(0, len(named)))
    named[place:place] = data.draw(st.lists(PIECES, max_size=3))
    found = router.parameters("/" + "/".join(named) + data.draw(ENDS))
    assert found is None or not names_another_team(found)


# -- after the router -------------------------------------------------------------------------


@pytest.fixture
def odd_app() -> FastAPI:
    """Routes that no guard of paths would know what to make of."""

    async def give_access(request: Request) -> None:
        request.state.access = MINE

    app = FastAPI(dependencies=[Depends(give_access), Depends(check_matched)])

    @app.get("/nobodys")
    @app.get("/of/{team_id}")
    @app.get("/of/{team_id}/and/{run_id}")
    @app.get("/named/{team}")
    async def show() -> str:
        return "shown"

    return app


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/of/1", b"", 200),
        ("/of/2", b"", 403),
        ("/of/x", b"", 403),
        ("/of/1/and/team_1_x", b"", 200),
        ("/of/1/and/team_2_x", b"", 403),
        ("/of/2/and/team_1_x", b"", 403),
        ("/nobodys", b"", 403),
        ("/named/1", b"", 403),
        ("/of/1", b"with=team_1_x&q=team_2_x", 200),
        ("/of/1", b"with=", 200),
        ("/of/1", b"with=team_2_x", 403),
        ("/of/1", b"with=team_1_x&with=team_2_x", 403),
        ("/of/1", b"run=team_2_x", 403),
        ("/of/1", b"run=nonsense", 403),
        ("/of/1", b"team_id=2", 403),
    ],
)
def test_what_a_route_was_given_counts(
    odd_app: FastAPI, path: str, query: bytes, status: int
) -> None:
    assert asyncio.run(ask(odd_app, path, query=query)) == status
