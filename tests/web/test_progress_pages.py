"""The page of a workflow: its steps, its end, and who may see and cancel it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.web.test_api import Api
from trace_clustering.models import ActivityStep
from trace_clustering.settings_sources import load_settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages import standing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKFLOW = "trace-clustering-team-7-2026-11-20T12:00:00+00:00"
SUMMARIZATION = "trace-summarization-team-7"
RUN_ID = "team_7_2026-11-20T12:00:00Z"


@pytest.fixture(scope="module")
def shared(store: Store, data_dir: Path) -> Api:
    return Api(store, load_settings({"data_dir": data_dir}))


@pytest.fixture
def api(shared: Api) -> Api:
    shared.temporal.forget()
    step = ActivityStep("draw_map_activity", "waiting", None, None, 2, "<b>no</b> \u202e memory")
    shared.temporal.know(WORKFLOW, steps=[step])
    shared.temporal.know(SUMMARIZATION)
    return shared


def read(api: Api, path: str, status: int = 200) -> str:
    answer = api.ask("GET", path)
    assert answer.status_code == status, answer.text
    return answer.text


def test_a_run_under_way(api: Api) -> None:
    page = read(api, urls.workflow(7, WORKFLOW))
    assert 'data-live="1"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert urls.cancel(7, WORKFLOW) in page
    assert "Draw the map" in page
    assert "Attempt 2; the one before failed: &lt;b&gt;no&lt;/b&gt;" in page
    assert "\u202e" not in page


def test_a_run_that_is_done(api: Api) -> None:
    result = {"status": "completed", "clustering_run_id": RUN_ID, "clusters": [{}] * 4}
    api.temporal.know(
        WORKFLOW, status="completed", closed_at=NOON, result=result | {"verdict": "good"}
    )
    page = read(api, urls.workflow(7, WORKFLOW))
    assert urls.run(RUN_ID) in page
    assert "Cancel" not in page
    # No step is known, and each says so once.
    assert 0 < page.count("not done") == page.count('<li class="not_done">')
    # Nothing looks again.
    for word in ('data-live="', "http-equiv", "live.js"):
        assert word not in page


def test_a_summarization(api: Api) -> None:
    page = read(api, urls.workflow(7, SUMMARIZATION))
    assert "Summarizing the traces of team 7" in page
    result = {"summarized": 30, "failed": 0}
    api.temporal.know(SUMMARIZATION, status="completed", closed_at=NOON, result=result)
    page = read(api, urls.workflow(7, SUMMARIZATION))
    assert "30 traces were summarized" in page
    assert urls.start(7) in page


@pytest.mark.parametrize(
    ("team_id", "workflow_id"),
    [
        (8, WORKFLOW),
        (7, "trace-clustering-team-70-x"),
        (7, "trace-clustering-coordinator"),
        (7, "payroll"),
        (7, f"{WORKFLOW}-unheard-of"),
    ],
)
def test_workflows_of_others_are_not_there(api: Api, team_id: int, workflow_id: str) -> None:
    known = {"trace-clustering-team-70-x", "trace-clustering-coordinator", "payroll"}
    for one in known:
        api.temporal.know(one)
    read(api, urls.workflow(team_id, workflow_id), 404)
    assert api.ask("POST", urls.cancel(team_id, workflow_id)).status_code == 404
    assert api.temporal.cancelled == []


def test_a_run_is_cancelled(api: Api) -> None:
    answer = api.ask("POST", urls.cancel(7, WORKFLOW))
    assert answer.status_code == 303
    assert answer.headers["location"] == urls.workflow(7, WORKFLOW)
    assert api.temporal.cancelled == [WORKFLOW]


def test_what_has_ended_is_not_cancelled_but_shown(api: Api) -> None:
    api.temporal.know(WORKFLOW, status="cancelled", closed_at=NOON)
    assert api.ask("POST", urls.cancel(7, WORKFLOW)).status_code == 303
    assert api.temporal.cancelled == []
    assert "Cancelled" in read(api, urls.workflow(7, WORKFLOW))


def test_when_temporal_does_not_answer_the_page_says_so(api: Api) -> None:
    api.temporal.is_away = True
    assert "cannot be reached" in read(api, urls.workflow(7, WORKFLOW), 503)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", urls.workflow(7, WORKFLOW)), ("POST", urls.cancel(7, WORKFLOW))]
)
def test_nobody_waits_for_long_when_temporal_is_silent(
    api: Api, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    monkeypatch.setattr(standing, "PATIENCE_SECONDS", 0.01)
    api.temporal.is_silent = True
    answer = api.ask(method, path)
    assert answer.status_code == 503
    assert "Temporal did not answer within 0.01 seconds" in answer.text
