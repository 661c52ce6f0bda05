"""Two runs side by side: which clusters are the same ones, and what the page says of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import STARTED, finish_run, names, run_record
from tests.support.run_event import facts_of, old_event, run_event
from tests.web.page_reading import EVIL, HOSTILE, PageRead
from tests.web.test_api import Api
from trace_clustering.models import RunRecord, RunStatus
from trace_clustering.models.browsing import Flow
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages import compare_pages
from trace_clustering.web.pages.compare_pages import figures_of_both
from trace_clustering.web.pages.run_matching import Match, matches_of

TEAM = 712_001
FLOWS = st.lists(
    st.builds(Flow, st.integers(0, 4), st.integers(0, 4), st.integers(1, 50)),
    unique_by=lambda one: (one.before, one.after),
)


def event_of(*sizes: int) -> dict[str, Any]:
    clusters = [{"cluster_id": i, "size": size} for i, size in enumerate(sizes)]
    return {"$ai_clusters": clusters, "$ai_sampled_traces_count": sum(sizes)}


def ids(match: Match) -> tuple[str, int | None, int | None, int | None]:
    before, after, near = (
        one["cluster_id"] if one else None for one in (match.before, match.after, match.near)
    )
    return match.change, before, after, near


def told(
    before: Sequence[int], after: Sequence[int], *flows: tuple[int, int, int]
) -> list[tuple[str, int | None, int | None, int | None]]:
    found = matches_of(event_of(*before), event_of(*after), [Flow(*one) for one in flows])
    return [ids(match) for match in found]


def test_clusters_are_the_same_by_most_of_their_traces_whatever_their_number() -> None:
    found = told([50, 50], [50, 50], (0, 1, 40), (1, 0, 40), (0, 0, 3))
    assert found == [("same", 1, 0, None), ("same", 0, 1, None)]


def test_shares_that_changed() -> None:
    found = told([30, 70], [60, 40], (0, 0, 30), (1, 1, 40))
    assert found == [("grown", 0, 0, None), ("shrunk", 1, 1, None)]


def test_a_cluster_that_fell_apart() -> None:
    found = told([100], [60, 40], (0, 0, 60), (0, 1, 40))
    assert found == [("shrunk", 0, 0, None), ("new", None, 1, 0)]


def test_clusters_that_were_joined() -> None:
    found = told([60, 40], [100], (0, 0, 60), (1, 0, 40))
    assert found == [("grown", 0, 0, None), ("gone", 1, None, 0)]


def test_clusters_that_share_nothing() -> None:
    found = told([50, 50], [50, 50], (0, 0, 50))
    assert found == [("same", 0, 0, None), ("new", None, 1, None), ("gone", 1, None, None)]


@pytest.mark.parametrize(("low", "change"), [(0.45, "same"), (0.52, "grown")])
def test_chance_is_no_change(low: float, change: str) -> None:
    before, after = event_of(50, 50), event_of(56, 44)
    before["$ai_clusters"][0]["facts"] = facts_of(50, share=0.5, share_low=0.48, share_high=0.51)
    after["$ai_clusters"][0]["facts"] = facts_of(56, share=0.56, share_low=low, share_high=0.6)
    assert matches_of(before, after, [Flow(0, 0, 9)])[0].change == change


@given(FLOWS)
def test_every_cluster_is_told_once(flows: list[Flow]) -> None:
    event = event_of(10, 10, 10, 10, 10)
    found = matches_of(event, event, flows)
    assert sorted(one.before["cluster_id"] for one in found if one.before) == [0, 1, 2, 3, 4]
    assert [one.after["cluster_id"] for one in found if one.after] == [0, 1, 2, 3, 4]
    assert all(one.shared <= one.of for one in found)
    assert all((one.near is None) == (one.shared == 0) for one in found if not one.after)


def test_figures_of_runs_of_which_one_tells_little() -> None:
    rows = {name: (one, two) for name, one, two in figures_of_both(old_event(), run_event())}
    assert rows["Clusters"] == ("4", "4")
    assert rows["Errors"] == ("–", "5%")
    assert "Errors" not in dict.fromkeys(
        row[0] for row in figures_of_both(old_event(), old_event())
    )


def test_users_that_nobody_named_are_not_counted() -> None:
    nobody = run_event()
    nobody["$ai_facts"] |= {"users": 0, "sessions": 0}
    rows = {name: (one, two) for name, one, two in figures_of_both(nobody, run_event())}
    assert rows["Users"] == ("–", "60")
    assert "Users" not in {row[0] for row in figures_of_both(nobody, nobody)}


# -- the page ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(store, Settings(data_dir=tmp_path_factory.mktemp("compare")))


def pair(store: Store, team_id: int, *, title: str = "Refunds") -> tuple[RunRecord, RunRecord]:
    """Two runs of the same traces, the earlier one first."""
    event = run_event()
    event["$ai_clusters"][0]["title"] = title
    event["$ai_quality"]["reasons"] = [title]
    earlier = STARTED - timedelta(days=1)
    one = finish_run(store, team_id, started=earlier, event=event, ids=names(12))
    return one, finish_run(store, team_id, event=event, ids=names(12))


def page_of(api: Api, run: RunRecord, other: str | None = None) -> PageRead:
    return PageRead.of(api.ask("GET", urls.compare(run.run_id, other)))


def test_two_runs_and_where_their_traces_went(api: Api, store: Store) -> None:
    earlier, later = pair(store, TEAM)
    page = page_of(api, later)
    for said in (
        "Told by the 12 traces that both runs sampled",
        *("4 of 4 shared traces", "About the same", "Silhouette of noise"),
    ):
        assert said in page.text
    assert page.has("figure", class_="chart ")
    assert {urls.run(earlier.run_id), urls.group(later.run_id, 2)} <= set(page.links())
    # The order is that of time, whichever run is asked for.
    other = page_of(api, earlier, later.run_id)
    assert other.text.index("Earlier, ") < other.text.index("Later, ")


def test_runs_that_share_no_traces(api: Api, store: Store) -> None:
    earlier, _ = pair(store, TEAM + 1)
    later = run_record(TEAM + 1, started=STARTED + timedelta(hours=1))
    store.runs.record(later)
    store.events.emit(TEAM + 1, later.run_id, later.started_at, json.dumps(run_event()))
    page = page_of(api, later, earlier.run_id)
    assert "share no traces" in page.text
    assert "In figures" in page.text
    assert "About the same" not in page.text


def test_hostile_titles_are_text(api: Api, store: Store) -> None:
    _, later = pair(store, TEAM + 2, title=f"<{EVIL}>{HOSTILE}")
    assert EVIL in page_of(api, later).text


def test_a_run_that_has_no_clusters(api: Api, store: Store) -> None:
    _, later = pair(store, TEAM + 3)
    skipped = run_record(
        TEAM + 3, started=STARTED + timedelta(1), status="skipped", reason="too few"
    )
    store.runs.record(skipped)
    page = page_of(api, later, skipped.run_id)
    assert "it is skipped, too few" in page.text
    assert "Choose another one above" in page.text
    assert page.has("select", name="with")
    # No choice helps where it is the run itself that has none.
    own = page_of(api, skipped, later.run_id)
    assert "Choose another" not in own.text
    assert not own.has("select", name="with")


def test_only_runs_with_clusters_are_offered(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_pages, "MAX_RUNS", 1)
    earlier, later = pair(store, TEAM + 6)
    statuses: tuple[RunStatus, ...] = ("failed", "skipped", "running")
    for day, status in enumerate(statuses, start=1):
        run = run_record(TEAM + 6, started=STARTED + timedelta(day), status=status)
        store.runs.record(run)
    # The latest one is offered, and whichever is shown.
    page = page_of(api, later, earlier.run_id)
    assert [one["value"] for one in page.all("option")] == [earlier.run_id]
    assert page.has("option", value=earlier.run_id, selected="")
    assert [one["value"] for one in page_of(api, earlier).all("option")] == [later.run_id]


def test_no_other_run(api: Api, store: Store) -> None:
    run = finish_run(store, TEAM + 4, event=run_event())
    page = page_of(api, run)
    assert "There is no other run" in page.text
    assert not page.has("select", name="with")


@pytest.mark.parametrize("other", [f"team_{TEAM}_2026-11-20T12:00:00Z", "x", ""])
def test_another_teams_run_is_refused(api: Api, store: Store, other: str) -> None:
    run = finish_run(store, TEAM + 5, event=run_event())
    answer = api.ask("GET", urls.compare(run.run_id, other or run.run_id))
    PageRead.of(answer, 422)


def test_runs_of_the_same_minute_are_told_apart_by_seconds(api: Api, store: Store) -> None:
    team = TEAM + 9
    runs = [
        finish_run(store, team, event=run_event(), started=STARTED + timedelta(seconds=late))
        for late in (0, 20, 90)
    ]
    seconds = [f"{run.started_at:%H:%M:%S} UTC" for run in runs]
    near = PageRead.of(api.ask("GET", urls.compare(runs[0].run_id, runs[1].run_id)))
    assert near.text.count(seconds[0]) >= 2
    assert near.text.count(seconds[1]) >= 2
    far = PageRead.of(api.ask("GET", urls.compare(runs[0].run_id, runs[2].run_id)))
    assert seconds[0] not in far.text
