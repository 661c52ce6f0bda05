"""The page of a trace: what it tells of each kind of trace, and whose words it never obeys."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import STARTED as RUN_STARTED
from tests.builders import event_text, finish_run, run_record
from tests.support.run_event import run_event
from tests.trace_events import STARTED, generation
from tests.web.page_reading import EVIL, FAR, HOSTILE, IDS, LONG, PageRead
from tests.web.test_api import Api
from trace_clustering.models.browsing import BrowsedTrace, Standing
from trace_clustering.models.traces import Note, TraceEvent
from trace_clustering.plain_text import printable
from trace_clustering.settings import Settings
from trace_clustering.store import Store, TraceRow
from trace_clustering.traces.assembly import assemble
from trace_clustering.web import urls
from trace_clustering.web.pages.trace_pages import days_back, standing_words
from trace_clustering.web.pages.trace_parts import (
    MAX_EVENT_CHARS,
    MAX_EVENTS,
    MAX_LINE_CHARS,
    MAX_SPANS,
    MAX_TEXT_CHARS,
    numbered_lines,
    references,
    sent_events,
    span_views,
)
from trace_clustering.web.trace_routes import SpanRow

TEAM = 710_001
SHOWN = f"<{EVIL} onclick=boom()>"


@dataclass(frozen=True)
class Told:
    """A team whose traces are summarized and in a run, but for some."""

    api: Api
    run_id: str

    def page(self, trace_id: str, run_id: str | None = None) -> PageRead:
        return PageRead.of(self.api.ask("GET", urls.trace(TEAM, trace_id, run_id)))


@pytest.fixture(scope="module")
def told(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Told:
    api = Api(store, Settings(data_dir=tmp_path_factory.mktemp("traces")))
    events = [generation(one, asked=f"{SHOWN} {HOSTILE}") for one in IDS]
    events.append(generation("long", asked=LONG, properties={"$ai_model": LONG}))
    events.append(generation(FAR, properties={"$ai_user_id": FAR}))
    events += [_failed("agent", number) for number in range(3)]
    store.events.insert(TEAM, events)
    api.post(f"/api/v1/teams/{TEAM}/summaries")
    inner = {"$ai_parent_id": "tree/0"}
    store.events.insert(TEAM, [generation("tree"), generation("tree", 1, properties=inner)])
    ages = {"later": 1, "before": 21, "long before": 500}
    now = datetime.now(UTC)
    store.events.insert(
        TEAM, [generation(one, ended=now - timedelta(days=age)) for one, age in ages.items()]
    )
    ids = [*IDS, FAR, "long", "agent", "gone-1", "gone-2", "gone-3"]
    event = run_event()
    event["$ai_clusters"][0]["title"] = SHOWN + HOSTILE
    run = finish_run(store, TEAM, ids=ids, event=event)
    places = np.arange(2 * len(ids), dtype=np.float32).reshape(-1, 2)
    store.findings.write_map(TEAM, run.run_id, ids, places)
    far = [SHOWN if one == "agent" else "" for one in ids]
    store.findings.write_outliers(TEAM, run.run_id, ids, np.ones(len(ids)), far)
    return Told(api, run.run_id)


def _failed(trace_id: str, number: int) -> TraceEvent:
    said = {
        "$ai_is_error": True,
        "$ai_error": f"Broken {HOSTILE} {LONG}",
        "$ai_span_name": HOSTILE,
        "$ai_user_id": LONG,
        "$ai_total_cost_usd": 0.02,
    }
    return generation(trace_id, number, properties=said)


# -- strangers' words -------------------------------------------------------------------------


@pytest.mark.parametrize("trace_id", IDS)
def test_whatever_a_trace_is_called_and_says_is_text(told: Told, trace_id: str) -> None:
    page = told.page(trace_id, told.run_id)
    assert " ".join(trace_id.split()) in page.text
    assert SHOWN in page.text
    # Everything that leads to it names it wholly.
    data = urls.api_trace(TEAM, trace_id)
    assert data in page.links()
    assert told.api.get(data)["facts"]["trace_id"] == trace_id


def test_the_longest_ids_that_there_are_lead_on(told: Told) -> None:
    """Each letter of theirs takes nine characters of an address."""
    page = told.page(FAR, told.run_id)
    assert urls.api_trace(TEAM, FAR) in page.links()
    users = urls.run_traces(told.run_id, user=FAR)
    assert users in page.links()
    table = PageRead.of(told.api.ask("GET", users))
    assert urls.trace(TEAM, FAR, told.run_id) in table.links()


def test_texts_that_do_not_end_neither_break_nor_swell_the_page(told: Told) -> None:
    for trace_id in ("long", "agent"):
        page = told.page(trace_id, told.run_id)
        assert len(page.source) < 1_500_000
        assert urls.api_trace(TEAM, trace_id) in page.links()
    assert SHOWN in told.page("agent").text


# -- what it tells ----------------------------------------------------------------------------


def test_summary_steps_and_words_refer_to_each_other(told: Told) -> None:
    page = told.page("agent")
    anchors = {one["id"] for one in page.all("p") if "id" in one}
    links = page.links(lambda link: link.startswith("#L"))
    assert len(anchors) > 10
    assert {link[1:] for link in links} <= anchors
    assert page.has("table", class_="spans")
    assert "$0.060" in page.text
    assert "as sent" in page.text
    assert "Errors3" in page.text


def test_the_tree_of_steps_is_told_in_words_too(told: Told) -> None:
    page = told.page("tree")
    assert "Level 1: generation" in page.text
    assert "Level 2: generation" in page.text
    assert "+0 ms" in page.text
    assert "+60 s" in page.text


def test_where_it_belongs(told: Told) -> None:
    page = told.page("agent", told.run_id)
    assert "of its cluster" in page.text
    assert "It stands out:" in page.text
    assert page.has("figure", id="map")
    near = {urls.trace(TEAM, one, told.run_id) for one in (*IDS, FAR, "long")}
    assert near & set(page.links())
    # Without being asked for it is the latest run that sampled the trace.
    assert told.page("agent").text == page.text


def test_the_run_that_has_a_trace_is_found_however_many_came_since(
    told: Told, store: Store, team_id: int
) -> None:
    run = finish_run(store, team_id, ids=["old", "near"])
    later = [run_record(team_id, started=RUN_STARTED + timedelta(days=day)) for day in range(1, 6)]
    for one in later:
        store.runs.record(one)
        store.events.emit(team_id, one.run_id, one.started_at, event_text(one, [["new"]]))
    page = PageRead.of(told.api.ask("GET", urls.trace(team_id, "old")))
    assert "of its cluster" in page.text
    assert urls.run(run.run_id) in page.links()
    asked = PageRead.of(told.api.ask("GET", urls.trace(team_id, "old", later[-1].run_id)))
    assert "of its cluster" in asked.text
    assert "which was asked for, did not look at this trace" in asked.text
    assert "This is how an earlier one sees it." in asked.text
    assert {urls.run(run.run_id), urls.run(later[-1].run_id)} <= set(asked.links())


def test_a_trace_that_came_later_is_pending_and_in_no_run(told: Told) -> None:
    page = told.page("later")
    assert "It is not summarized yet." in page.text
    assert "No run has looked at this trace yet. The next one may" in page.text
    asked = told.page("later", told.run_id)
    assert "did not look at this trace" in asked.text
    assert "The next one may" in asked.text


def test_a_trace_of_long_ago_is_not_promised_to_the_next_run(told: Told) -> None:
    page = told.page("before")
    assert "the next one will not: it began" in page.text
    assert "and runs look back 7 days." in page.text
    assert urls.start(TEAM, lookback_days=22) in page.links()
    before = told.page("long before")
    assert "the next one will not" in before.text
    assert not before.links(lambda link: "lookback_days" in link)


@pytest.mark.parametrize(("hours", "days"), [(-5, 1), (0, 1), (23.9, 1), (24, 2), (167.9, 7)])
def test_how_far_a_run_has_to_look_back(hours: float, days: int) -> None:
    assert days_back(STARTED - timedelta(hours=hours), STARTED) == days


def test_a_trace_of_which_only_its_vector_is_kept(told: Told) -> None:
    page = told.page("gone-1")
    assert "Its events are no longer kept." in page.text
    assert "text of gone-b" in page.text


def test_a_failed_summary_says_why(told: Told, store: Store) -> None:
    events = [generation("refused")]
    store.events.insert(TEAM, events)
    facts = assemble("refused", events).facts
    row = TraceRow(facts, "", "failed", 1, datetime(2100, 1, 1, tzinfo=UTC), f"broken: {HOSTILE}")
    store.traces.record(TEAM, [row])
    page = told.page("refused")
    assert "It could not be summarized. broken:" in page.text
    assert "runs compare summaries, and it has none" in page.text


def test_an_unknown_trace_is_a_page_that_says_so(told: Told) -> None:
    answer = told.api.ask("GET", urls.trace(TEAM, f"nobody's {SHOWN}"))
    assert SHOWN in PageRead.of(answer, 404).text


def test_no_run_of_another_team_is_looked_at(told: Told) -> None:
    for run_id, status in (("team_2_2026-11-20T12:00:00Z", 422), ("nonsense", 422)):
        PageRead.of(told.api.ask("GET", urls.trace(TEAM, "agent", run_id)), status)
    other = f"team_{TEAM}_2020-01-01T00:00:00Z"
    PageRead.of(told.api.ask("GET", urls.trace(TEAM, "agent", other)), 404)


@pytest.mark.parametrize("trace_id", IDS)
def test_all_that_was_sent_can_be_had(told: Told, trace_id: str) -> None:
    (event,) = told.api.get(urls.api_trace_events(TEAM, trace_id))["events"]
    assert event["properties"]["$ai_trace_id"] == trace_id
    told.api.error(404, "GET", urls.api_trace_events(TEAM, f"no {trace_id}"))


# -- the parts --------------------------------------------------------------------------------


def standing(closer: float, ordinary: float | None) -> Standing:
    return Standing(BrowsedTrace("a", STARTED, 0, 0.5), closer, ordinary)


def test_how_typical_a_trace_is_in_words() -> None:
    assert standing_words(standing(0.83, None)) == ["closer to the centre than 83% of its cluster"]
    assert standing_words(standing(0.1, 0.25)) == [
        "farther from the centre than 90% of its cluster",
        "more unusual than 75% of the run",
    ]
    assert standing_words(standing(1.0, 0.5)) == [
        "closer to the centre than all others of its cluster",
        "more ordinary than 50% of the run",
    ]
    equal = replace(standing(0.5, 0.5), all_as_close=True, all_as_ordinary=True)
    assert standing_words(equal) == [
        "as close to the centre as the others of its cluster",
        "as ordinary as the others of the run",
    ]


def span(start: float, duration: float, depth: int = 0) -> SpanRow:
    begun = STARTED + timedelta(seconds=start)
    return SpanRow(
        depth, "s", None, "tool", "t", begun, duration, None, None, None, None, False, None
    )


def test_spans_lie_where_they_were_in_time() -> None:
    views = span_views([span(0, 10), span(2.5, 5, 1), span(10, 0, 99)])
    assert [(one.x, one.width) for one in views] == [(0, 100), (25, 50), (99.6, 0.4)]
    assert [one.after for one in views] == [0, 2.5, 10]
    assert views[-1].depth == 12
    assert span_views([]) == []
    assert span_views([span(0, 0)])[0].width == 100
    assert len(span_views([span(i, 1) for i in range(MAX_SPANS + 5)])) == MAX_SPANS


SPANS = st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e6))


@given(st.lists(SPANS, min_size=1, max_size=20))
def test_no_span_sticks_out(times: list[tuple[float, float]]) -> None:
    for view in span_views([span(*one) for one in times]):
        assert view.x >= 0
        assert view.width > 0
        assert view.x + view.width <= 100.011


@given(st.text(st.characters(exclude_characters="\n"), max_size=300), st.integers(1, 999))
def test_every_line_is_kept_as_text(said: str, number: int) -> None:
    anchor = f"L{number:03}"
    lines = numbered_lines(f"{anchor}: {said}\n… left out\n{anchor}: again")
    assert [line.anchor for line in lines] == [anchor, "", ""]
    assert lines[0].text.unescape() == printable(said)
    assert "<" not in lines[0].text


def test_long_lines_and_texts_are_cut_and_say_so() -> None:
    (line,) = numbered_lines("L001: " + "a" * (MAX_LINE_CHARS + 7))
    assert (len(line.text), line.more) == (MAX_LINE_CHARS, 7)
    lines = numbered_lines("\n".join("b" * 1_000 for _ in range(1_000)))
    assert sum(len(one.text) for one in lines) <= MAX_TEXT_CHARS


def test_references_lead_to_lines_that_are_shown() -> None:
    found = references(Note("", f"L004-L009, L012 {SHOWN}"), {"L004"})
    assert [(one.label, one.anchor) for one in found] == [("L004-L009", "L004"), ("L012", "")]


def sent(properties: Any) -> TraceEvent:
    moment = datetime(2026, 11, 16, tzinfo=UTC)
    text = properties if isinstance(properties, str) else json.dumps(properties)
    return TraceEvent("u", "$ai_span", "t", "d", moment, text)


def test_events_are_shown_as_they_were_sent_up_to_a_bound() -> None:
    shown = list(sent_events([sent({"a": [1]}), sent({"a": LONG}), sent("no JSON")]))
    assert shown[0].text == '{\n  "a": [\n    1\n  ]\n}'
    assert len(shown[1].text) == MAX_EVENT_CHARS
    assert shown[1].more > 900_000
    assert shown[2].text == "no JSON"
    assert len(list(sent_events([sent({})] * (MAX_EVENTS + 1)))) == MAX_EVENTS
