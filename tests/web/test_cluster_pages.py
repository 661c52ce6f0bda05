"""The pages of a cluster, of a group below one and of all traces of a run, and their table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import finish_run
from tests.support.run_event import facts_of, no_answer, old_event, run_event
from tests.trace_events import generation
from tests.web.page_reading import EVIL, FAR, HOSTILE, IDS, LONG, PageRead
from tests.web.test_api import Api
from trace_clustering.models.browsing import BrowsedTrace, TracePage
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages.group_figures import compared, figures_of
from trace_clustering.web.pages.trace_table import Facets, Place, TraceTable, called
from trace_clustering.web.table_query import TableQuery

TEAM = 730_001
SHOWN = f"<{EVIL} onclick=boom()>"
LEAVES = [8, 9, 5, 6, 7, 10, 11, 3]


@dataclass(frozen=True)
class Told:
    """A team with a run of which everything is known."""

    api: Api
    run_id: str

    def group(self, group_id: int, **table: object) -> PageRead:
        return self.at(urls.group(self.run_id, group_id, **table))

    def traces(self, **table: object) -> PageRead:
        return self.at(urls.run_traces(self.run_id, **table))

    def at(self, path: str, status: int = 200) -> PageRead:
        return PageRead.of(self.api.ask("GET", path), status)


@pytest.fixture(scope="module")
def told(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Told:
    api = Api(store, Settings(data_dir=tmp_path_factory.mktemp("clusters")))
    return Told(api, seed(api, store, TEAM, hostile_event()))


def hostile_event() -> dict[str, Any]:
    event = run_event()
    words = {"title": SHOWN + HOSTILE, "description": HOSTILE, "keywords": [HOSTILE, LONG]}
    names = {"models": [[HOSTILE, 3], [LONG, 2]], "tools": [[SHOWN, 1]]}
    event["$ai_clusters"][0] |= {
        **words,
        "representatives": [*IDS],
        "facts": facts_of(48, **names, error_rate=0.1),
    }
    event["$ai_levels"]["groups"][4] |= words
    event["$ai_quality"] = no_answer()
    return event


def seed(api: Api, store: Store, team_id: int, event: dict[str, Any]) -> str:
    """A run of 60 traces, twenty in each of the first three clusters; returns its id."""
    ids = [*IDS, "long", "far", *(f"trace-{i:02}" for i in range(51))]
    said = {"$ai_model": HOSTILE, "$ai_user_id": SHOWN, "$ai_is_error": True}
    store.events.insert(
        team_id,
        [
            *(generation(one, asked=f"{SHOWN} {HOSTILE}", properties=said) for one in IDS),
            generation("long", asked=LONG, properties={"$ai_model": LONG, "$ai_user_id": LONG}),
            generation("far", asked=FAR, properties={"$ai_user_id": FAR}),
        ],
    )
    api.post(f"/api/v1/teams/{team_id}/summaries")
    run = finish_run(store, team_id, ids=ids, event=event)
    numbers = np.arange(len(ids), dtype=np.float64)
    findings = store.findings
    findings.write_leaves(team_id, run.run_id, ids, np.resize(LEAVES, len(ids)))
    reasons = [f"far: {SHOWN}" if one == "plain" else "" for one in ids]
    findings.write_outliers(team_id, run.run_id, ids, 1.0 + numbers, reasons)
    places = np.stack([numbers, numbers], axis=1).astype(np.float32)
    findings.write_map(team_id, run.run_id, ids, places)
    return run.run_id


def rows_of(page: PageRead) -> int:
    return len(page.all("th", scope="row", class_="trace"))


# -- a group ----------------------------------------------------------------------------------


def test_whatever_a_cluster_and_its_traces_say_is_text(told: Told) -> None:
    for group_id in (0, 4):
        page = told.group(group_id)
        assert SHOWN in page.text
        assert len(page.source) < 400_000


def test_a_cluster_tells_what_is_known_of_it(told: Told) -> None:
    page = told.group(0)
    for words in ("Share40% (34–46)", "2.0 × the run's", "Users24", "Day by day", "Stability96%"):
        assert words in page.text
    assert "Not an answer:" in page.text
    assert page.has("figure", id="map")
    assert {urls.group(told.run_id, one) for one in (4, 5)} <= set(page.links())
    for trace_id in IDS[:5]:
        assert urls.trace(TEAM, trace_id, told.run_id) in page.links()


def test_a_group_below_a_cluster_leads_up_again(told: Told) -> None:
    page = told.group(8)
    assert {urls.group(told.run_id, one) for one in (0, 4)} <= set(page.links())
    assert "Group 8 within" in page.text


def test_a_run_of_before_there_were_parts(told: Told, store: Store, team_id: int) -> None:
    run_id = finish_run(store, team_id, event=old_event()).run_id
    page = told.at(urls.group(run_id, 1))
    assert "Cluster 1" in page.text
    assert "No map: this run is older than that" in page.text
    assert "this run is older than that" in told.at(urls.run_traces(run_id, outliers=True)).text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("groups/99", 404),
        ("groups/-1", 404),
        ("groups/first", 422),
        ("groups/0?sort=beauty", 422),
        ("groups/0?lasso=1,2", 422),
        ("traces?day=yesterday", 422),
        ("traces?group=99", 404),
    ],
)
def test_what_there_is_not_is_a_page_that_says_so(told: Told, path: str, status: int) -> None:
    told.at(f"{urls.run(told.run_id)}/{path}", status)
    told.at(urls.group(f"team_{TEAM}_2020-01-01T00:00:00Z", 0), 404)


# -- the table --------------------------------------------------------------------------------


def test_every_filter_and_order_works(told: Told) -> None:
    whole = told.traces()
    assert rows_of(whole) == 50
    assert "Traces60" in whole.text.replace(" ", "")
    (part,) = whole.all("section", id="traces")
    assert part["data-told"] == "60 traces, closest to the centre first; page 1 of 2."
    for state, rows in (
        ({"error": True}, len(IDS)),
        ({"outliers": True}, 1),
        ({"user": SHOWN}, len(IDS)),
        ({"group": 2}, 20),
        ({"lasso": "-1,-1,6.5,-1,6.5,6.5,-1,6.5"}, 7),
        ({"q": "trace-0", "sort": "unusual"}, None),
        ({"day": "2026-11-16", "page": 2}, 10),
    ):
        page = told.traces(**state)
        assert rows is None or rows_of(page) == rows, state


def test_filters_that_are_on_can_be_taken_off(told: Told) -> None:
    page = told.group(0, q=SHOWN, error=True, lasso="0,0,9,0,9,9", sort="cost", page=1)
    assert f"Text: {SHOWN} ×(remove this filter)" in page.text
    assert "Selection on the map ×" in page.text
    assert urls.group(told.run_id, 0, q=SHOWN, error=True, sort="cost") in page.links()
    assert urls.group(told.run_id, 0, sort="cost") in page.links()
    assert page.has("input", name="lasso", value="0,0,9,0,9,9")


def test_a_selection_alone_says_how_many_it_holds(told: Told) -> None:
    page = told.traces(lasso="-1,-1,2.5,-1,2.5,2.5,-1,2.5")
    assert "Selection on the map (3 traces)" in page.text


def test_the_first_cluster_is_a_filter_too(told: Told) -> None:
    page = told.traces(group=0, lasso="-1,-1,2.5,-1,2.5,2.5,-1,2.5")
    assert page.source.count('class="chip" data-swap') == 2
    assert "Selection on the map ×" in page.text


def test_outliers_that_there_are_not_are_told_once(told: Told, store: Store) -> None:
    event = run_event()
    event["$ai_outliers"] |= {"total": 0, "share": 0.0, "traces": []}
    run_id = finish_run(store, TEAM + 1, event=event).run_id
    page = told.at(urls.run_traces(run_id, outliers=True))
    assert "no trace stands out" in page.text
    assert "No trace fits" not in page.text


def test_nothing_left_says_how_to_go_on(told: Told) -> None:
    page = told.group(0, q="unheard of", sort="cost")
    assert "No trace fits this filter" in page.text
    assert urls.group(told.run_id, 0, sort="cost") in page.links()
    assert "There is no page 9" in told.group(0, page=9).text


def test_what_is_shown_is_what_is_exported(told: Told) -> None:
    page = told.group(0, error=True, sort="cost", page=1)
    (export,) = page.links(lambda link: "format=csv" in link)
    state = dict(parse_qsl(urlsplit(export).query))
    assert state == {"format": "csv", "error": "1", "sort": "cost", "group": "0"}
    lines = told.api.ask("GET", export).text
    assert lines.count("\r\n") == 1 + rows_of(page)


def test_long_filters_are_kept_by_every_link(told: Told) -> None:
    """Each letter of these takes nine characters of an address."""
    lasso = "-0.999999999,-0.999999999," * 150 + "99,-1,99,99,-1,99"
    state = {"user": FAR, "lasso": lasso}
    page = told.group(1, **state)
    assert rows_of(page) == 1
    (export,) = page.links(lambda link: "format=csv" in link)
    assert dict(parse_qsl(urlsplit(export).query)) == {"format": "csv", **state, "group": "1"}
    state |= {"q": FAR}
    page = told.group(1, **state)
    assert urls.group(told.run_id, 1, user=FAR, lasso=lasso) in page.links()
    for name, value in state.items():
        assert page.has("input", name=name, value=value)


def test_outliers_are_explained(told: Told) -> None:
    page = told.traces(outliers=True)
    assert "stand out" in page.text
    assert f"Outlier: far: {SHOWN}" in page.text


# -- the parts --------------------------------------------------------------------------------


def table(state: dict[str, Any], total: int = 120, **facts: Any) -> TraceTable:
    return TraceTable(
        TableQuery(**state), TracePage(total, []), Place("team_1_x", 3), Facets(facts or None)
    )


def test_headings_turn_the_order_and_say_which_it_is() -> None:
    shown = {one.label: one for one in table({"sort": "newest", "q": "a", "page": 2}).columns}
    assert shown["Time"].order == "descending"
    assert shown["Time"].url == urls.group("team_1_x", 3, q="a", sort="oldest")
    assert shown["Cost"].order is None
    assert shown["User"].url is None
    closest = {one.label: one for one in table({}).columns}
    assert closest["Distance"].order == "ascending"


def test_what_is_shown_is_told_in_a_sentence() -> None:
    assert table({}).told == "120 traces, closest to the centre first; page 1 of 3."
    told = table({"error": True, "sort": "cost"}, total=1).told
    assert told == "1 trace found, most expensive first; page 1 of 1."
    assert (
        table({"q": "a"}, total=0).told
        == "0 traces found, closest to the centre first; page 1 of 1."
    )
    assert table({"page": 9}).told == "There is no page 9."


def test_what_is_chosen_can_be_chosen_even_where_nobody_knows_it() -> None:
    chosen = table({"tool": "a  b\u202e", "day": date(2026, 11, 16)}, tools=[["c", 2]])
    options = chosen.options("tool", "tools")
    assert [(one.value, one.is_chosen) for one in options] == [("a  b&#8238;", True), ("c", False)]
    assert [one.label for one in options] == ["a b", "c (2)"]
    assert chosen.options("day", "by_day")[0].is_chosen


@given(st.text(), st.text(), st.booleans(), st.integers(1, 9))
def test_addresses_say_the_same_again(q: str, tool: str, error: bool, page: int) -> None:
    state = {"q": q.encode("utf-8", "replace").decode()[:99], "tool": tool, "error": error}
    one = table({**state, "page": page})
    again = dict(parse_qsl(urlsplit(one.page_url(page)).query, keep_blank_values=True))
    assert TableQuery(**again) == one.query


def test_a_title_that_says_how_a_trace_begins_is_enough() -> None:
    def beside(title: str, opening: str) -> str:
        trace = BrowsedTrace("a", None, 0, 0.0, title=title, opening=opening)  # type: ignore[arg-type]
        return TraceTable.beside_title(trace)

    assert beside("Lost bag…", "Lost  BAG in Porto") == ""
    assert beside("", "Lost bag") == ""
    assert beside("Baggage", "Where is it?") == "Where is it?"


def test_tools_are_counted() -> None:
    assert called(["b", "a", "b"]) == "b ×2, a"


@pytest.mark.parametrize(
    ("value", "whole", "words"),
    [
        (0.21, 0.1, "2.1 × the run's"),
        (0.1, 0.101, "as in the whole run"),
        (5.0, 0.1, "50 × the run's"),
        (0.001, 1.0, "far below the run's"),
        (0.0, 0.0, "none in the run"),
        (1.0, 0.0, ""),
        (None, 1.0, ""),
        (float("nan"), 1.0, ""),
    ],
)
def test_a_group_beside_the_run(value: float | None, whole: float, words: str) -> None:
    assert compared(value, whole) == words


@pytest.mark.parametrize(
    ("read", "written", "told"),
    [
        (1200, 30, ("1,200", "in, 30 out")),
        (1200, None, ("1,200", "in")),
        (None, 30, ("30", "out")),
        (None, None, ("–", "")),
    ],
)
def test_tokens_of_which_only_some_are_known(
    read: int | None, written: int | None, told: tuple[str, str]
) -> None:
    facts = facts_of(48) | {"input_tokens": read, "output_tokens": written}
    figures = figures_of({"size": 48, "facts": facts}, {"$ai_sampled_traces_count": 120})
    assert ("Tokens", *told) in figures


def test_figures_of_a_group_of_which_nothing_is_known() -> None:
    group = {"cluster_id": 0, "size": 30}
    figures = figures_of(group, {"$ai_sampled_traces_count": 120})
    assert figures == [("Share", "25%", "of the run"), ("Traces", "30", "")]
