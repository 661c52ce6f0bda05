"""The page of a run: whatever the run tells or lacks, and whoever wrote what it tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import STARTED, finish_run, names, run_record
from tests.support.run_event import facts_of, no_answer, old_event, run_event
from tests.web.page_reading import EVIL, HOSTILE, PageRead
from tests.web.test_api import Api
from trace_clustering.models import RunRecord
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages import run_pages
from trace_clustering.web.pages.run_pages import choices_of, run_before
from trace_clustering.web.pages.run_view import MAX_CARDS, run_view
from trace_clustering.web.pages.run_words import days_of_run, sentence_of, short_day
from trace_clustering.web.templating import iso

TEAM = 711_001
Show = Callable[..., PageRead]


@pytest.fixture(scope="module")
def api(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Api:
    return Api(store, Settings(data_dir=tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def run_of(store: Store) -> Callable[..., RunRecord]:
    """Stores an event as a run of its own."""
    hours = iter(range(1, 1000))

    def made(event: dict[str, Any]) -> RunRecord:
        started = STARTED - timedelta(hours=next(hours))
        return finish_run(store, TEAM, started=started, event=event)

    return made


@pytest.fixture(scope="module")
def show(api: Api, run_of: Callable[..., RunRecord]) -> Show:
    """The page of a run that told an event."""

    def shown(event: dict[str, Any], **state: Any) -> PageRead:
        return PageRead.of(api.ask("GET", urls.run(run_of(event).run_id, **state)))

    return shown


# -- what it says --------------------------------------------------------------------------------


def test_a_run_in_a_sentence() -> None:
    assert sentence_of(run_event()) == (
        "Mostly about “Rebooking cancelled flights” (40%), “Lost or delayed baggage” (30%) and "
        "“Refund of a ticket's price” (20%): 4 groups in 120 of 900 traces from 13 to 20 "
        "November 2026 (UTC)."
    )


def test_a_sentence_of_one_cluster_and_of_many_small_ones() -> None:
    one = {"cluster_id": 0, "size": 7, "title": "Refunds"}
    assert (
        sentence_of({"$ai_clusters": [one]})
        == "Mostly about “Refunds” (100%): 1 group in 7 traces."
    )
    many = [{**one, "cluster_id": i} for i in range(10)]
    assert sentence_of({"$ai_clusters": many}).startswith("Most often about “Refunds” (10%), ")


def test_no_answer_is_no_sentence_about_clusters() -> None:
    said = sentence_of(run_event(quality=no_answer()))
    assert said == "No clear groups in 120 of 900 traces from 13 to 20 November 2026 (UTC)."


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-11-17T03:00:00Z", "2026-11-24T03:00:00Z", "from 17 to 24 November 2026"),
        ("2026-10-28T00:00:00Z", "2026-11-04T00:00:00Z", "from 28 October to 3 November 2026"),
        ("2026-12-28T00:00:00Z", "2027-01-04T00:00:01Z", "from 28 December 2026 to 4 January 2027"),
        ("2026-11-17T00:00:00Z", "2026-11-18T00:00:00Z", "on 17 November 2026"),
        ("2026-11-17T00:00:00+02:00", "2026-11-17T09:00:00", "from 16 to 17 November 2026"),
        ("<script>", "2026-11-17T09:00:00Z", ""),
        (None, None, ""),
    ],
)
def test_days_of_a_window(start: str | None, end: str | None, said: str) -> None:
    told = days_of_run({"$ai_window_start": start, "$ai_window_end": end})
    assert told == (f"{said} (UTC)" if said else "")


def test_a_day_in_a_narrow_place() -> None:
    assert (short_day("2026-11-07"), short_day("never")) == ("7 Nov", "never")


# -- what is on the page -------------------------------------------------------------------------


def test_everything_that_a_run_tells_is_there(show: Show) -> None:
    page = show(run_event())
    for told in (
        *("Mostly about “Rebooking cancelled flights” (40%)", "Good", "far better than noise"),
        *("40% (34–46)", "Customers want their money back.", "claim number", "run: 5%"),
        *("4 clusters", "6 groups", "8 groups", "3.2 times as far", "0.312", "4 was chosen"),
        *("120 of 900", "Left out, embedded by another model", "builtin-1", "0.93", "0.55"),
    ):
        assert told in page.text
    assert len(page.all("li", **{"data-map-group": "2"})) == 1
    assert page.has("figure", id="map")


def test_links_to_everything_that_there_is_of_a_run(
    api: Api, run_of: Callable[..., RunRecord]
) -> None:
    run_of(run_event())
    run = run_of(run_event())
    links = PageRead.of(api.ask("GET", urls.run(run.run_id))).links()
    wanted = {
        *(urls.api_export(run.run_id, one) for one in ("csv", "jsonl", "parquet")),
        *(urls.api_report(run.run_id), urls.api_event(run.run_id)),
        urls.compare(run.run_id),
        *(urls.group(run.run_id, number) for number in range(4)),
        urls.run(run.run_id, level=1),
        urls.run(run.run_id, view="treemap"),
        urls.trace(TEAM, "trace-3-11", run.run_id),
        urls.run_traces(run.run_id, outliers=True, sort="unusual"),
    }
    assert wanted <= set(links)


def test_what_is_not_known_has_no_small_print(show: Show) -> None:
    event = run_event()
    event["$ai_clusters"][0]["facts"] |= {"cost_usd": None}
    event["$ai_facts"] |= {"latency_p50": None}
    source = show(event).source
    assert "<dd>–</dd>" in source
    assert "<dd>– " not in source


def test_users_that_nobody_named_are_not_counted() -> None:
    event = run_event()
    event["$ai_clusters"][0]["facts"] |= {"users": 0, "sessions": 0}
    cards = run_view(run_record(TEAM), event, 0, 10).cards
    assert [card.value("Users") for card in cards] == ["–", "18", "12", "6"]


def test_a_deeper_level_tells_what_its_groups_are_parts_of(show: Show) -> None:
    page = show(run_event(), level=1)
    assert "28 traces · in Rebooking cancelled flights" in page.text
    assert "Rebooking for the same day" in page.text
    assert show(run_event(), level=9).text.count("Missed connections in Lisbon") > 0


def test_many_groups_are_a_table(show: Show) -> None:
    event = old_event()
    one = event["$ai_clusters"][0]
    event["$ai_clusters"] = [{**one, "cluster_id": i} for i in range(MAX_CARDS + 1)]
    event["$ai_clusters"][3] |= {"stability": 0.5, "facts": facts_of(7)}
    page = show(event)
    assert not page.has("li", **{"data-map-group": "1"})
    assert page.has("tr", **{"data-map-group": "1"})
    rows = re.findall(r"(?s)<tr data-map-group.*?</tr>", page.source)
    # All have as many cells, whatever is known of a group.
    assert {row.count("<td") for row in rows} == {7}


def test_a_treemap_has_the_tree_as_its_table(show: Show) -> None:
    page = show(run_event(), view="treemap")
    assert not page.has("figure", id="map")
    assert "Flights cancelled by the storm 12 · 10%" in page.text
    assert page.has("details", open="")


def test_no_answer_is_not_shown_as_one(show: Show) -> None:
    source = show(run_event(quality=no_answer())).source
    page = source[source.index("<main") :]
    assert page.index("No clear groups") < page.index("one cluster holds 91%")
    assert page.index("one cluster holds 91%") < page.index('<details class="no-answer">')
    assert page.index('<details class="no-answer">') < page.index("Rebooking")
    after = page[page.index("How this run was made") :]
    assert "Rebooking" not in after


def test_who_looks_into_no_answer_finds_it_open_on_the_next_page(show: Show) -> None:
    event = run_event(quality=no_answer())
    assert not show(event).has("details", class_="no-answer", open="")
    for state in ({"level": 1}, {"view": "treemap"}):
        assert show(event, **state).has("details", class_="no-answer", open="")


def test_a_run_of_before_there_were_parts(show: Show) -> None:
    page = show(old_event())
    assert "Not judged" in page.text
    assert "this run is older than that" in page.text
    assert "Cluster 3" in page.text
    assert not page.has("figure", id="map")
    assert "Cluster 3" in show(old_event(), view="treemap", level=3).text


def test_least_that_an_event_can_hold(show: Show) -> None:
    clusters = [{"cluster_id": 0, "size": 1, "trace_ids": ["a"]}]
    page = show({"$ai_sampled_traces_count": 1, "$ai_clusters": clusters})
    assert "1 group without names in 1 trace." in page.text


@pytest.mark.parametrize("part", ["map", "facts", "levels", "outliers", "quality"])
def test_a_part_that_could_not_be_made(show: Show, part: str) -> None:
    changes = {part: None, "missing_parts": {part: "the worker ran out of patience"}}
    assert show(run_event(**changes)).text.lower().count("the worker ran out of patience") == 2


@given(missing=st.sets(st.sampled_from(sorted(run_event()))))
@settings(max_examples=60)
def test_any_keys_may_be_absent(missing: set[str]) -> None:
    needed = {"$ai_clusters", "$ai_sampled_traces_count", "$ai_clustering_run_id"}
    event = {key: one for key, one in run_event().items() if key not in missing - needed}
    view = run_view(run_record(TEAM), event, 1, 10)
    assert len(view.cards) == (4 if "$ai_levels" in missing else 6)


def test_hostile_text_is_text(show: Show) -> None:
    text = f"<{EVIL} onclick=boom()>{HOSTILE}"
    event = run_event(missing_parts={"map": text})
    for group in [*event["$ai_clusters"], *event["$ai_levels"]["groups"]]:
        group |= {"title": text, "description": text, "keywords": [text]}
    outlier = {"trace_id": text, "cluster_id": 1, "score": 3.0, "reason": text}
    event["$ai_outliers"]["traces"] = [outlier]
    event["$ai_quality"]["reasons"] = [text]
    event |= {"$ai_embedding_model": text, "$ai_window_start": text, "$ai_names": {"source": text}}
    event["$ai_clustering_parameters"] = {text: text}
    event["$ai_excluded_traces"] = {text: 1}
    for state in ({}, {"view": "treemap"}, {"level": 2}):
        page = show(event, **state)
        assert EVIL in page.text


def test_what_charts_are_given_ends_no_script(show: Show) -> None:
    event = run_event()
    event["$ai_clusters"][0]["title"] = "</script><script>x</script>"
    source = show(event, view="treemap").source
    data = source.split('<script type="application/json">')[1].split("</script>")[0]
    assert "&lt;/script&gt;" in json.loads(data)["data"][0]["labels"][1].replace("<br>", "")


# -- choosing a run ------------------------------------------------------------------------------


def test_a_form_leads_on_to_another_run_of_the_team(
    api: Api, run_of: Callable[..., RunRecord]
) -> None:
    one, other = run_of(run_event()), run_of(run_event())
    answer = api.ask("GET", urls.run(one.run_id, go=other.run_id, view="treemap"))
    assert answer.status_code == 303
    assert answer.headers["location"] == urls.run(other.run_id, view="treemap")


@pytest.mark.parametrize("event", [run_event(), None], ids=["clusters", "nothing"])
def test_the_form_keeps_what_is_drawn(
    api: Api, store: Store, run_of: Callable[..., RunRecord], event: dict[str, Any] | None
) -> None:
    run = run_of(event) if event else run_record(TEAM + 1, status="skipped")
    if not event:
        store.runs.record(run)
    treemap = PageRead.of(api.ask("GET", urls.run(run.run_id, view="treemap")))
    assert treemap.has("input", type="hidden", name="view", value="treemap")
    assert not PageRead.of(api.ask("GET", urls.run(run.run_id))).has("input", name="view")


def test_a_run_can_be_compared_wherever_there_is_another_one_with_clusters(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_pages, "MAX_RUNS", 2)
    team_id = TEAM + 3
    first = finish_run(store, team_id, event=run_event())
    assert "/compare" not in api.ask("GET", urls.run(first.run_id)).text
    for hours in range(1, 4):
        started = STARTED + timedelta(hours=hours)
        store.runs.record(run_record(team_id, started=started, status="failed"))
    later = finish_run(
        store, team_id, started=STARTED + timedelta(hours=4), event=run_event(), ids=names(12)
    )
    for run in (first, later):
        links = PageRead.of(api.ask("GET", urls.run(run.run_id))).links()
        assert urls.compare(run.run_id) in links


@pytest.mark.parametrize(
    "state", [{"go": f"team_{TEAM + 1}_2026-11-20T12:00:00Z"}, {"go": "x"}, {"level": -1}]
)
def test_bad_state_is_refused(api: Api, state: dict[str, Any]) -> None:
    answer = api.ask("GET", urls.run(f"team_{TEAM}_2026-11-20T12:00:00Z", **state))
    PageRead.of(answer, 422)


def test_runs_to_choose_from_and_the_one_before() -> None:
    runs = [run_record(TEAM, started=STARTED - timedelta(days=day)) for day in range(4)]
    assert run_before(runs, runs[1]) == runs[2]
    assert run_before(runs, runs[3]) is None
    assert choices_of(runs[:3], runs[3]) == runs


def test_runs_of_the_same_minute_are_told_apart(api: Api, store: Store) -> None:
    starts = [STARTED, STARTED + timedelta(seconds=7), STARTED + timedelta(minutes=5)]
    runs = [finish_run(store, TEAM + 2, started=one, event=run_event()) for one in starts]
    page = PageRead.of(api.ask("GET", urls.run(runs[0].run_id)))
    told = [f"{one:%Y-%m-%d %H:%M:%S} UTC ·" for one in starts[:2]]
    assert all(one in page.text for one in [*told, f"{starts[2]:%Y-%m-%d %H:%M} UTC ·"])
    options = {one["data-time"]: "data-seconds" in one for one in page.all("option")}
    assert options == {iso(starts[0]): True, iso(starts[1]): True, iso(starts[2]): False}


def test_a_run_that_there_is_not(api: Api) -> None:
    PageRead.of(api.ask("GET", urls.run(f"team_{TEAM}_2020-01-01T00:00:00Z")), 404)
