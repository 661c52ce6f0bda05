"""The page of all teams and that of one: what they say, to whom, and whatever is out of order."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.builders import add, document, finish_run, names, run_record
from tests.support.run_event import run_event
from tests.trace_events import generation
from tests.web.test_api import Api, bearer
from trace_clustering.models import RunStatus
from trace_clustering.settings import default_data_dir
from trace_clustering.settings_sources import load_settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages.home_pages import TEAMS_ON_A_PAGE

HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"
DUE = {"paused": False, "note": "", "next_runs": ["2026-11-21T00:00:00Z"], "recent_runs": []}


class Pages:
    """What one team's token sees; the store is shared with other tests."""

    def __init__(self, store: Store, tmp_path: Path, *team_ids: int) -> None:
        key = ",".join(map(str, team_ids))
        tokens = {"token": "all", "team_tokens": {key: "some"}}
        self.api = Api(store, load_settings({"data_dir": tmp_path, **tokens}))
        self.api.temporal.schedules |= {"clustering": DUE, "summarization": DUE}

    def read(self, path: str = "/", token: str = "some") -> str:
        answer = self.api.ask("GET", path, headers=bearer(token))
        assert answer.status_code == 200, answer.text
        assert 'style="' not in answer.text
        return answer.text


@pytest.fixture
def pages(store: Store, tmp_path: Path, team_id: int) -> Pages:
    return Pages(store, tmp_path, team_id)


def recent(n: int) -> list[Any]:
    at = datetime.now(UTC) - timedelta(hours=1)
    return [document(name, timestamp=at) for name in names(n)]


def test_an_empty_system_says_how_to_begin(pages: Pages) -> None:
    page = pages.read()
    assert "Nothing here yet" in page
    for command in ("trace-clustering demo", "trace-clustering ingest", "OTEL_EXPORTER_OTLP"):
        assert command in page
    assert "http://localhost" in page
    # Where the data lies is for those to know who may see everything.
    assert "--data-dir" not in page


def test_commands_name_a_data_folder_that_is_not_the_usual_one(
    store: Store, tmp_path: Path, team_id: int
) -> None:
    folder = tmp_path / "a folder"
    api = Api(store, load_settings({"data_dir": folder}))
    page = html.unescape(api.ask("GET", urls.team(team_id)).text)
    option = f" --data-dir '{folder}'"
    for command in (
        f'keys create --team-id {team_id} --name "my application"{option}\nexport OTEL',
        f"ingest traces.jsonl --team-id {team_id}{option}<",
    ):
        assert f"trace-clustering {command}" in page
    usual = Api(store, load_settings({"data_dir": default_data_dir()}))
    assert "--data-dir" not in usual.ask("GET", urls.team(team_id)).text


def test_a_team_with_clusters(store: Store, pages: Pages, team_id: int) -> None:
    run = finish_run(store, team_id, event=run_event())
    page = pages.read()
    assert f"Team {team_id}" in page
    assert "Rebooking cancelled flights" in page
    assert urls.run(run.run_id) in page
    assert urls.group(run.run_id, 0) in page
    assert 'datetime="2026-11-21T00:00:00Z"' in page
    assert "Nothing here yet" not in page
    team = pages.read(urls.team(team_id))
    assert "Rebooking cancelled flights" in team
    assert urls.run(run.run_id) in team


def test_a_team_of_which_traces_only_wait(store: Store, pages: Pages, team_id: int) -> None:
    store.events.insert(team_id, [generation("a"), generation("b")])
    assert "2 traces wait to be summarized" in pages.read()
    team = pages.read(urls.team(team_id))
    assert f'action="{urls.summarize(team_id)}"' in team


def test_nothing_of_other_teams_is_seen(
    store: Store, pages: Pages, team_id: int, other_team_id: int
) -> None:
    finish_run(store, other_team_id)
    page = pages.read()
    assert f"Team {other_team_id}" not in page
    for path in (urls.team(other_team_id), urls.start(other_team_id)):
        assert pages.api.ask("GET", path, headers=bearer("some")).status_code == 403
    # What the whole service is made of is not theirs to see either.
    assert "Vectors by" not in page
    assert "Vectors by" in pages.read(token="all")


def test_there_may_be_many_teams(store: Store, tmp_path: Path, team_id: int) -> None:
    team_ids = [team_id * 1000 + i for i in range(TEAMS_ON_A_PAGE + 1)]
    for one in team_ids:
        add(store, one, ["a"])
    pages = Pages(store, tmp_path, *team_ids)
    first, second = pages.read("/"), pages.read("/?page=99")
    assert f"Team {team_ids[-1]}<" not in first
    assert f"Team {team_ids[-1]}<" in second
    assert 'href="/?page=2"' in first


@pytest.mark.parametrize("token", ["some", "all"])
def test_the_pages_come_when_temporal_does_not_answer(
    store: Store, pages: Pages, team_id: int, token: str
) -> None:
    store.runs.record(run_record(team_id, status="running"))
    add(store, team_id, recent(30))
    pages.api.temporal.is_away = True
    assert "Temporal does not answer" in pages.read(token=token)
    team = pages.read(urls.team(team_id), token)
    assert "Temporal does not answer" in team
    assert "Start a run" not in team


@pytest.mark.parametrize(
    ("schedules", "words"),
    [
        ({"clustering": DUE | {"paused": True, "note": HOSTILE}}, "schedule is paused (&lt;script"),
        ({}, "There is no schedule"),
        ({"clustering": DUE, "summarization": DUE | {"paused": True}}, "not summarized"),
    ],
)
def test_a_schedule_that_starts_nothing_is_told(
    store: Store, pages: Pages, team_id: int, schedules: dict[str, Any], words: str
) -> None:
    add(store, team_id, ["a"])
    pages.api.temporal.schedules.clear()
    pages.api.temporal.schedules.update(schedules)
    page = pages.read()
    assert words in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_without_temporal_there_is_only_what_the_store_knows(
    store: Store, tmp_path: Path, team_id: int
) -> None:
    add(store, team_id, recent(30))
    api = Api(store, load_settings({"data_dir": tmp_path}), workflows=None)
    page = api.ask("GET", urls.team(team_id)).text
    assert "Temporal does not run here" in page
    assert api.ask("GET", "/").status_code == 200


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_a_run_that_came_to_nothing(
    store: Store, pages: Pages, team_id: int, status: RunStatus
) -> None:
    add(store, team_id, recent(30))
    store.runs.record(run_record(team_id, status=status, reason=f"because {HOSTILE}"))
    page = pages.read(urls.team(team_id))
    assert "because &lt;script&gt;" in page
    assert "<script>alert" not in page
    assert urls.start(team_id) in page


def test_a_run_under_way_can_be_watched(store: Store, pages: Pages, team_id: int) -> None:
    workflow_id = f"trace-clustering-team-{team_id}-x"
    store.runs.record(run_record(team_id, status="running", workflow_id=workflow_id))
    add(store, team_id, ["a"])
    pages.api.temporal.know(workflow_id)
    for path in ("/", urls.team(team_id)):
        assert urls.workflow(team_id, workflow_id) in pages.read(path)
    assert "data-live" in pages.read(urls.team(team_id))
    # Temporal knows better than the store.
    pages.api.temporal.know(workflow_id, status="failed", failure="out of memory")
    page = pages.read(urls.team(team_id))
    assert "Out of memory." in page
    assert 'data-live="' not in page


def test_a_run_that_others_named_has_its_own_page_alone(
    store: Store, pages: Pages, team_id: int
) -> None:
    run = run_record(team_id, status="running", workflow_id="nightly")
    store.runs.record(run)
    add(store, team_id, ["a"])
    pages.api.temporal.know("nightly")
    for path in ("/", urls.team(team_id)):
        page = pages.read(path)
        assert urls.run(run.run_id) in page
        assert "/workflows/" not in page


def test_vectors_of_another_model_are_told(store: Store, pages: Pages, team_id: int) -> None:
    add(store, team_id, recent(30), model="old-model")
    page = pages.read(urls.team(team_id))
    assert "old-model" in page
    assert f"trace-clustering embed --backfill --team-id {team_id}" in page


def test_waiting_traces_are_summarized_at_once(pages: Pages, team_id: int) -> None:
    answer = pages.api.ask("POST", urls.summarize(team_id), headers=bearer("some"))
    assert answer.status_code == 303
    assert pages.api.temporal.summarizations == [(team_id, True)]
    assert answer.headers["location"] == urls.workflow(
        team_id, f"trace-summarization-team-{team_id}-1"
    )
