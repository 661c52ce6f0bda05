"""Every route that there is: who may reach it, what it shows, and the headers of its answers.

The routes are read from the application's description, so that a new one is tested by being
there. What names no team in its path is refused to limited tokens unless it stands below.
"""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import SecretStr

import trace_clustering.web
from tests.builders import finish_run
from tests.support.run_event import run_event
from tests.trace_events import generation
from tests.web.test_api import Api, bearer
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import receivers
from trace_clustering.web.access import LIMITED, Token
from trace_clustering.web.pages.policy import DATA_POLICY, PAGE_POLICY
from trace_clustering.web.paths import is_page_path
from trace_clustering.web.sessions import COOKIE, session_value

ALL, SOME = "everything", "one team"

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("GET", "/static/{name}"),
}
"""What needs no token."""

FILTERED = {("GET", "/"), ("GET", "/api/v1/teams")}
"""What names no team and is shown to limited tokens: of their own teams alone."""

QUERIES: list[dict[str, str]] = [{}, {"q": "zebras", "by": "words"}, {"q": "a", "by": "meaning"}]

NAMES_A_TEAM = ("{team_id}", "{run_id}", "{workflow_id}")

Route = tuple[str, str]


@dataclass(frozen=True)
class Seeded:
    """A team with traces, a run, a workflow and a key; ``marker`` is in all texts of theirs."""

    team_id: int
    marker: str
    run_id: str
    key_id: str

    @property
    def workflow_id(self) -> str:
        return f"trace-clustering-team-{self.team_id}-2026-11-20T12:00:00+00:00"

    @property
    def trace_ids(self) -> list[str]:
        return trace_ids(self.marker)

    def path(self, template: str) -> str:
        """A route's path, filled in with what belongs to the team."""
        values = {
            "team_id": str(self.team_id),
            "run_id": self.run_id,
            "workflow_id": self.workflow_id,
            "trace_id": self.trace_ids[0],
            "key_id": self.key_id,
            "name": "style.css",
            **dict.fromkeys(("cluster_id", "group_id", "number"), "0"),
        }
        # A parameter that is unknown here has to be made known.
        return re.sub(r"\{(\w+)\}", lambda found: quote(values[found.group(1)], safe=""), template)


def trace_ids(marker: str) -> list[str]:
    return [f"{marker}-trace-{i % 4}-{i:02}" for i in range(12)]


def seed(store: Store, team_id: int, marker: str) -> Seeded:
    ids = trace_ids(marker)
    told = json.dumps(run_event()).replace("trace-", f"{marker}-trace-")
    event = json.loads(re.sub(r"(Re[bf]|Lost|Seat|Customer|Suit|bag)", rf"{marker} \1", told))
    run = finish_run(store, team_id, ids=ids, event=event)
    asked = f"{marker} asks for zebras"
    store.events.insert(team_id, [generation(one, asked=asked) for one in ids[:3]])
    key = store.keys.create(team_id, f"{marker} laptop")
    return Seeded(team_id, marker, run.run_id, key.record.key_id)


@dataclass(frozen=True)
class House:
    """An application with two teams; one token opens ``mine`` alone."""

    api: Api
    mine: Seeded
    theirs: Seeded

    def routes(self, *wanted: str) -> list[Route]:
        paths = self.api.app.openapi()["paths"]
        found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
        return [(method, path) for method, path in found if not wanted or method in wanted]

    def ask(
        self, route: Route, team: Seeded, who: Mapping[str, Any], **options: Any
    ) -> httpx.Response:
        method, template = route
        return self.api.ask(method, team.path(template), headers=who, **options)


@pytest.fixture(scope="module")
def house(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    mine, theirs = seed(store, 700_001, "qmineq"), seed(store, 700_002, "qtheirsq")
    tokens = {str(mine.team_id): SecretStr(SOME)}
    folder = tmp_path_factory.mktemp("every_route")
    api = Api(store, Settings(data_dir=folder, token=SecretStr(ALL), team_tokens=tokens))
    for team in (mine, theirs):
        api.temporal.know(team.workflow_id, failure=f"{team.marker} failed")
        api.post(f"/api/v1/teams/{team.team_id}/summaries", headers=bearer(ALL))
    yield House(api, mine, theirs)
    # Whether any key was made is asked by other tests of this process.
    for team in (mine, theirs):
        store.keys.revoke(team.key_id)


def cookie(secret: str) -> dict[str, str]:
    return {
        "Cookie": f"{COOKIE}={session_value(Token(secret, None))}",
        "Origin": "http://localhost",
    }


WAYS = pytest.mark.parametrize("shows", [bearer, cookie])
Shows = Callable[[str], Mapping[str, Any]]


def names_a_team(route: Route) -> bool:
    return any(name in route[1] for name in NAMES_A_TEAM)


def names_text(answer: httpx.Response, text: str) -> bool:
    return text.encode() in answer.content


# -- the list itself --------------------------------------------------------------------------


def routers() -> Iterator[APIRouter]:
    for module in pkgutil.walk_packages(trace_clustering.web.__path__, "trace_clustering.web."):
        router = getattr(importlib.import_module(module.name), "router", None)
        if isinstance(router, APIRouter):
            yield router


def test_the_description_names_every_route(house: House) -> None:
    """But those of senders, which have keys of their own."""
    for router in routers():
        for route in router.routes:
            assert isinstance(route, APIRoute)
            assert route.include_in_schema or router is receivers.router, route.path
    methods = [method for method, _ in house.routes()]
    assert {*methods} >= {"GET", "POST", "PUT", "DELETE"}
    assert {*house.routes()} >= OPEN


def test_names_of_parameters_tell_what_they_are(house: House) -> None:
    """What begins like a team's path names the team by the parameter that is checked."""
    for _, path in house.routes():
        named = re.match(r"(/api/v1)?/(teams|runs|workflows)(/\{(\w+)\})?", path)
        if named and path not in ("/api/v1/teams", "/teams"):
            assert named.group(4) == f"{named.group(2).removesuffix('s')}_id", path


# -- without a token --------------------------------------------------------------------------


def test_without_a_token_every_route_is_closed(house: House) -> None:
    for route in house.routes():
        if route in OPEN:
            continue
        answer = house.ask(route, house.theirs, {})
        if route[0] == "GET" and is_page_path(route[1]):
            assert answer.status_code == 303, route
            assert answer.headers["location"].startswith("/sign-in"), route
        else:
            assert answer.status_code == 401, route
        assert not names_text(answer, f"{house.theirs.marker} "), route


def test_what_is_open_tells_of_no_team(house: House) -> None:
    for route in OPEN:
        answer = house.ask(route, house.theirs, {"Origin": "http://localhost"})
        assert answer.status_code in (200, 303, 401), route
        assert not names_text(answer, house.theirs.marker), route


# -- with a token of some teams ---------------------------------------------------------------


@WAYS
def test_another_teams_routes_are_refused(house: House, shows: Shows) -> None:
    for route in house.routes():
        if names_a_team(route):
            answer = house.ask(route, house.theirs, shows(SOME))
            assert answer.status_code == 403, route
            assert LIMITED in answer.text.lower(), route


@WAYS
def test_what_is_no_teams_is_refused(house: House, shows: Shows) -> None:
    for route in house.routes():
        if not names_a_team(route):
            answer = house.ask(route, house.mine, shows(SOME))
            if route not in OPEN:
                assert (answer.status_code == 403) == (route not in FILTERED), route
            assert not names_text(answer, house.theirs.marker), route
            assert not names_text(answer, str(house.theirs.team_id)), route


def test_its_own_routes_tell_of_no_other_team(house: House) -> None:
    for route in house.routes():
        if names_a_team(route) or route in FILTERED:
            for query in QUERIES if route[0] == "GET" else QUERIES[:1]:
                answer = house.ask(route, house.mine, bearer(SOME), params=query)
                assert answer.status_code not in (401, 403), route
                assert answer.status_code < 500, route
                assert not names_text(answer, house.theirs.marker), route
                if route in FILTERED:
                    assert names_text(answer, str(house.mine.team_id)), route
                    assert not names_text(answer, str(house.theirs.team_id)), route


@pytest.mark.parametrize("name", ["with", "run"])
def test_no_other_team_comes_in_by_the_query(house: House, name: str) -> None:
    for route in house.routes("GET"):
        if names_a_team(route):
            query = {name: house.theirs.run_id}
            answer = house.ask(route, house.mine, bearer(SOME), params=query)
            assert answer.status_code == 403, route


def test_the_teams_that_are_listed(house: House) -> None:
    listed = house.api.get("/api/v1/teams", headers=bearer(SOME))["teams"]
    assert [team["team_id"] for team in listed] == [house.mine.team_id]
    every = house.api.get("/api/v1/teams", headers=bearer(ALL))["teams"]
    assert {house.mine.team_id, house.theirs.team_id} <= {team["team_id"] for team in every}


# -- with a token of all ----------------------------------------------------------------------


def test_the_token_opens_every_route_and_shows_the_other_team(house: House) -> None:
    """Without this, nothing would be shown of the other team because there is nothing."""
    told = 0
    for route in house.routes("GET"):
        answer = house.ask(route, house.theirs, bearer(ALL))
        assert answer.status_code not in (401, 403), route
        told += names_a_team(route) and names_text(answer, house.theirs.marker)
    assert told >= 8


def test_reading_starts_and_ends_nothing(house: House) -> None:
    """Browsers send the cookie along with links of other sites, so that none may do anything."""
    before = copy.deepcopy(house.api.temporal)
    for route in house.routes("GET"):
        house.ask(route, house.theirs, bearer(ALL))
    assert house.api.temporal == before


# -- headers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [{}, bearer(ALL)], ids=["nobody", "all"])
def test_every_answer_has_the_headers(house: House, who: Mapping[str, Any]) -> None:
    for route in house.routes("GET"):
        answer = house.ask(route, house.mine, who)
        headers, policy = answer.headers, answer.headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff", route
        assert headers["x-frame-options"] == "DENY", route
        assert headers["referrer-policy"] == "same-origin", route
        assert headers["cross-origin-opener-policy"] == "same-origin", route
        assert headers["cross-origin-resource-policy"] == "same-origin", route
        assert "unsafe" not in policy, route
        assert "frame-ancestors 'none'" in policy, route
        if is_page_path(route[1]):
            assert policy == PAGE_POLICY, route
        elif not route[1].endswith("/report") and not route[1].startswith("/static/"):
            assert policy == DATA_POLICY, route
