"""The page of a run that has no clusters, and what pages of runs have from Temporal."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from tests.builders import STARTED, finish_run, run_record
from tests.support.run_event import run_event
from tests.web.page_reading import PageRead
from tests.web.test_api import Api, bearer
from trace_clustering.models import ActivityStep, RunRecord, RunStatus
from trace_clustering.settings import Settings
from trace_clustering.settings_sources import load_settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages import standing

TEAM = 715_001
UI = "http://127.0.0.1:8233"
_hours = count()


@pytest.fixture(scope="module")
def api(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(store, Settings(data_dir=tmp_path_factory.mktemp("standing")))


def stored(
    store: Store, status: RunStatus, reason: str = "", *, workflow_id: str = "nightly"
) -> RunRecord:
    started = STARTED - timedelta(hours=next(_hours))
    run = run_record(TEAM, started=started, status=status, reason=reason, workflow_id=workflow_id)
    store.runs.record(run)
    return run


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("skipped", "There was nothing to cluster"),
        ("failed", "This run failed"),
        ("cancelled", "This run was cancelled"),
        ("timed_out", "This run took too long"),
        ("completed", "no longer kept"),
    ],
)
def test_a_run_without_clusters_says_why(
    api: Api, store: Store, status: RunStatus, said: str
) -> None:
    run = stored(store, status, "3 traces are not enough")
    page = PageRead.of(api.ask("GET", urls.run(run.run_id)))
    assert said in page.text
    assert "3 traces are not enough" in page.text
    assert urls.start(run.team_id) in page.links()


def test_a_run_under_way_leads_to_its_progress(api: Api, store: Store) -> None:
    workflow_id = f"trace-clustering-team-{TEAM}-x"
    run = stored(store, "running", workflow_id=workflow_id)
    api.temporal.know(workflow_id)
    page = PageRead.of(api.ask("GET", urls.run(run.run_id)))
    assert "This run is not done yet" in page.text
    progress = urls.workflow(run.team_id, workflow_id)
    assert progress in page.links()
    assert api.ask("GET", progress).status_code == 200


@pytest.mark.parametrize("temporal_ui", [None, UI])
def test_a_run_that_others_named_leads_to_temporal_or_nowhere(
    api: Api, store: Store, temporal_ui: str | None
) -> None:
    run = stored(store, "running")
    api = Api(store, api.settings, temporal_ui=temporal_ui)
    api.temporal.know(run.workflow_id)
    page = api.ask("GET", urls.run(run.run_id)).text
    assert "This run is not done yet" in page
    assert "/teams/" not in page[page.index("This run is not done yet") :]
    assert ("See in Temporal how it gets on" in page) == (temporal_ui is not None)


@pytest.mark.parametrize("trouble", ["is_away", "is_silent"])
def test_runs_are_shown_as_the_store_has_them_while_temporal_does_not_answer(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(standing, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(api.temporal, trouble, True)
    said = {
        stored(store, "running"): "This run is not done yet",
        finish_run(store, TEAM + 1, event=run_event()): "Rebooking cancelled flights",
    }
    for run, words in said.items():
        assert words in PageRead.of(api.ask("GET", urls.run(run.run_id))).text


def test_how_long_each_activity_took(api: Api, store: Store) -> None:
    run = finish_run(store, TEAM + 2, event=run_event())
    ended = STARTED + timedelta(seconds=1.5)
    step = ActivityStep("find_outliers_activity", "done", STARTED, ended, attempt=2)
    assert "What took how long" not in PageRead.of(api.ask("GET", urls.run(run.run_id))).text
    api.temporal.know(run.workflow_id, status="completed", steps=[step])
    text = PageRead.of(api.ask("GET", urls.run(run.run_id))).text
    api.temporal.states.clear()
    assert "Find traces that stand out1.5 s attempt 2" in text


def test_the_workflow_in_temporals_own_page() -> None:
    run = run_record(TEAM, workflow_id="a/b c")
    address = urls.temporal_workflow("http://127.0.0.1:8233/", "default", run)
    assert address == (
        "http://127.0.0.1:8233/namespaces/default/workflows/a%2Fb%20c/workflow-run/history"
    )


def test_temporals_own_page_is_for_those_who_see_all_teams(store: Store, api: Api) -> None:
    tokens = {"token": "all", "team_tokens": {str(TEAM): "some"}}
    settings = load_settings({"data_dir": api.settings.data_dir, **tokens})
    guarded = Api(store, settings, temporal_ui=UI)
    for run in (stored(store, "running"), finish_run(store, TEAM, event=run_event())):
        for token in ("all", "some"):
            page = guarded.ask("GET", urls.run(run.run_id), headers=bearer(token)).text
            assert run.run_id in page
            assert (UI in page) == (token == "all")


@pytest.mark.parametrize("host", ["clusters.example", "10.0.0.7"])
def test_who_is_elsewhere_gets_no_link_to_this_machine(store: Store, api: Api, host: str) -> None:
    settings = load_settings({"data_dir": api.settings.data_dir, "token": "all"})
    run = finish_run(store, TEAM, event=run_event())
    for place, is_told in ((UI, False), ("https://temporal.example", True)):
        guarded = Api(store, settings, temporal_ui=place)
        for address in (urls.run(run.run_id), urls.home()):
            page = guarded.ask("GET", address, headers={**bearer("all"), "Host": host})
            assert page.status_code == 200
            assert (place in page.text) == is_told
