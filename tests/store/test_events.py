"""Events: what clients send comes back as it was; what a run emits is stored once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from threading import Barrier
from typing import Any

import pytest

from tests.store.received import MOMENT as MOMENT_OF_EVENTS
from tests.store.received import ODD_IDS, event, events, merge
from tests.support.clickhouse_front import ClickHouseFront
from trace_clustering.inputs import make_run_id
from trace_clustering.models.traces import EVENT_SPAN, EVENT_SUMMARY, TRACE_EVENTS, TraceEvent
from trace_clustering.store import Store
from trace_clustering.store.events import event_uuid
from trace_clustering.store.times import as_micros, as_utc

MOMENT = datetime(2025, 1, 23, 1, 2, 3, 456_000, tzinfo=UTC)
HOURS = (timedelta(0), timedelta(hours=2), timedelta(microseconds=1), timedelta(days=3))
THREADS = 8

uuid_of = attrgetter("uuid")


def by_uuid(found: Sequence[TraceEvent]) -> list[TraceEvent]:
    return sorted(found, key=uuid_of)


def rows(store: Store, team_id: int, suffix: str = "") -> list[dict[str, Any]]:
    return store._database.select(
        f"SELECT * FROM events {suffix} WHERE team_id = {{team_id:Int64}}", team_id=team_id
    )


def assert_one(store: Store, team_id: int, run_id: str, properties: str) -> None:
    for suffix in ("", "FINAL"):
        (row,) = rows(store, team_id, suffix)
        assert row["uuid"] == event_uuid(run_id)
        assert row["event"] == "$ai_trace_clusters"
        assert row["properties"] == properties
    assert store.events.properties(team_id, run_id) == properties


def test_an_event_comes_back_as_it_was_stored(any_store: Store, team_id: int) -> None:
    run_id = make_run_id(team_id, MOMENT)
    text = '{ "a" : 1,\n "b":"ñ 你 \\u0000 \'quoted\' {x:String}" }'
    assert any_store.events.properties(team_id, run_id) is None
    assert any_store.events.emit(team_id, run_id, MOMENT, text)
    assert_one(any_store, team_id, run_id, text)
    (row,) = rows(any_store, team_id)
    assert as_utc(row["timestamp"]) == MOMENT


def test_the_first_of_two_emissions_stays(any_store: Store, team_id: int) -> None:
    run_id = make_run_id(team_id, MOMENT)
    assert any_store.events.emit(team_id, run_id, MOMENT, '{"a":1}')
    assert not any_store.events.emit(team_id, run_id, MOMENT, '{"a":1}')
    assert not any_store.events.emit(team_id, run_id, MOMENT + timedelta(days=2), '{"a":2}')
    assert_one(any_store, team_id, run_id, '{"a":1}')


@pytest.mark.parametrize("attempt", range(3))
def test_emissions_at_the_same_moment_leave_one(
    any_store: Store, team_id: int, attempt: int
) -> None:
    run_id = make_run_id(team_id, MOMENT + timedelta(seconds=attempt))
    together = Barrier(THREADS)

    def emit(number: int) -> bool:
        together.wait(timeout=30)
        return any_store.events.emit(team_id, run_id, MOMENT, '{"same":true}')

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(emit, range(THREADS)))
    assert any(outcomes)
    assert_one(any_store, team_id, run_id, '{"same":true}')


def test_both_having_looked_first_leave_one(any_store: Store, team_id: int) -> None:
    """Two emitters that found nothing both insert: the token drops the second."""
    run_id = make_run_id(team_id, MOMENT)
    events = any_store.events
    found = events.properties
    try:
        events.properties = lambda team_id, run_id: None  # type: ignore[method-assign]
        for _ in range(2):
            assert events.emit(team_id, run_id, MOMENT, "{}")
    finally:
        events.properties = found  # type: ignore[method-assign]
    assert_one(any_store, team_id, run_id, "{}")


def test_an_event_is_its_teams_own(store: Store, team_id: int, other_team_id: int) -> None:
    run_id = make_run_id(team_id, MOMENT)
    store.events.emit(team_id, run_id, MOMENT, "{}")
    assert store.events.properties(other_team_id, run_id) is None


def test_the_latest_run_of_each_team(any_store: Store, team_id: int, other_team_id: int) -> None:
    for team in (team_id, other_team_id):
        for days in (1, 3, 2):
            run_id = f"team_{team}_{days}"
            text = f'{{"$ai_clustering_run_id":"{run_id}"}}'
            any_store.events.emit(team, run_id, MOMENT + timedelta(days=days), text)
    latest = any_store.events.latest_run_ids()
    assert latest[team_id] == f"team_{team_id}_3"
    assert latest[other_team_id] == f"team_{other_team_id}_3"


def test_ids_follow_from_run_ids() -> None:
    assert event_uuid("team_1_a") == event_uuid("team_1_a") != event_uuid("team_1_b")
    # Of all versions of this program: an event must not be emitted again after an upgrade.
    assert (
        str(event_uuid("team_123_2025-01-23T00:00:00Z")) == "093fa496-c9ce-55b5-bcca-a3eec1ceea36"
    )


def test_events_come_back_as_they_were_sent(any_store: Store, team_id: int) -> None:
    sent = [
        event("one", number, kind=kind, user=f"user {number}", moment=MOMENT_OF_EVENTS + hours)
        for number, (kind, hours) in enumerate(zip(TRACE_EVENTS, HOURS, strict=True))
    ]
    before = any_store.embeddings.now_micros()
    assert any_store.events.insert(team_id, [*sent, event("two")]) == 5
    after = any_store.embeddings.now_micros()
    found = any_store.events.of_traces(team_id, ["one", "two", "three"])
    assert set(found) == {"one", "two"}
    assert by_uuid(found["one"].events) == sorted(sent, key=uuid_of)
    assert found["two"].events == (event("two"),)
    assert before <= as_micros(found["one"].newest) <= after


def test_of_nothing_nothing_is_asked(front: ClickHouseFront, server_store: Store) -> None:
    front.forget()
    assert server_store.events.insert(1, []) == 0
    assert server_store.events.of_traces(1, []) == {}
    assert server_store.events.of_kind(1, EVENT_SUMMARY, []) == {}
    assert front.queries() == []


@pytest.mark.parametrize("trace_id", ODD_IDS, ids=range(len(ODD_IDS)))
def test_any_trace_id_is_found(any_store: Store, team_id: int, trace_id: str) -> None:
    sent = event(trace_id, user=trace_id, text=f"{trace_id} {{x:String}} '; DROP TABLE events")
    summary = event(trace_id, 1, kind=EVENT_SUMMARY)
    assert any_store.events.insert(team_id, [sent, summary, event("another")]) == 3
    assert any_store.events.insert(team_id, [sent, summary]) == 0
    found = any_store.events.of_traces(team_id, [trace_id])
    assert list(found) == [trace_id]
    assert found[trace_id].events == (sent,)
    assert any_store.events.of_kind(team_id, EVENT_SUMMARY, [trace_id]) == {trace_id: summary}
    assert any_store.traces.pending(team_id, limit=9) == sorted(["another", trace_id])


def test_many_of_the_longest_ids(any_store: Store, team_id: int) -> None:
    """Together they are longer than a server takes in one parameter."""
    ids = [f"{number:03d}{'🙂' * 509}" for number in range(150)]
    any_store.events.insert(team_id, [event(one) for one in ids])
    found = any_store.events.of_traces(team_id, ids * 2)
    assert {one: received.events for one, received in found.items()} == {
        one: (event(one),) for one in ids
    }


def test_properties_of_five_megabytes(any_store: Store, team_id: int) -> None:
    text = "ñ 你 🙂 \\u0000 'quoted' \\\\ \\n " * 200_000
    large = replace(event("large"), properties=f'{{"$ai_input": "{text}"}}')
    assert len(large.properties.encode()) > 5_000_000
    assert any_store.events.insert(team_id, [event("small"), large]) == 2
    assert any_store.events.insert(team_id, [large]) == 0
    assert any_store.events.of_traces(team_id, ["large"])["large"].events == (large,)


def test_a_trace_may_go_on_for_days_and_months(any_store: Store, team_id: int) -> None:
    sent = [
        event("long", number, moment=MOMENT_OF_EVENTS + timedelta(days=days))
        for number, days in enumerate((0, 1, 20, 45, 400, -4000))
    ]
    for one in sent:
        assert any_store.events.insert(team_id, [one]) == 1
    assert any_store.events.insert(team_id, sent) == 0
    merge(any_store, *(one.timestamp for one in sent))
    assert any_store.events.insert(team_id, sent) == 0
    found = any_store.events.of_traces(team_id, ["long"])["long"].events
    assert by_uuid(found) == sorted(sent, key=uuid_of)


def test_a_batch_of_300_months(fresh_store: Store) -> None:
    sent = [
        event("old", number, moment=datetime(2000 + number // 12, number % 12 + 1, 5, tzinfo=UTC))
        for number in range(300)
    ]
    assert fresh_store.events.insert(1, sent) == 300
    assert fresh_store.events.insert(1, sent) == 0
    found = fresh_store.events.of_traces(1, ["old"])["old"].events
    assert by_uuid(found) == sorted(sent, key=uuid_of)


def test_a_batch_of_ten_thousand(any_store: Store, team_id: int) -> None:
    sent = [one for number in range(100) for one in events(f"trace-{number}", 100)]
    assert any_store.events.insert(team_id, sent) == 10_000
    changed = [replace(one, properties="{}") for one in sent[::100]]
    assert any_store.events.insert(team_id, [*sent[1:], *changed]) == 100
    found = any_store.events.of_traces(team_id, ["trace-0", "trace-99"])
    assert {len(received.events) for received in found.values()} == {100}


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1899, 12, 31, 23, 59, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2100, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_times_far_off(any_store: Store, team_id: int, moment: datetime) -> None:
    """A summary's time is when its trace began, which a wrong latency may put anywhere."""
    far = event("far", moment=moment)
    assert any_store.events.insert(team_id, [far]) == 1
    assert any_store.events.insert(team_id, [far]) == 0
    assert any_store.events.of_traces(team_id, ["far"])["far"].events == (far,)


def test_one_uuid_in_two_traces_is_an_event_of_each(any_store: Store, team_id: int) -> None:
    """A sender's mistake; the same trace must not come and go with what it is asked with."""
    first = event("a")
    second = replace(first, trace_id="b", properties='{"$ai_trace_id": "b"}')
    for one in (first, second):
        any_store.events.insert(team_id, [one])
    together = any_store.events.of_traces(team_id, ["a", "b"])
    assert {one: received.events for one, received in together.items()} == {
        "a": (first,),
        "b": (second,),
    }


def test_events_of_another_team_are_never_seen(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    sent = [*events("trace", 3), event("trace", 9, kind=EVENT_SUMMARY)]
    assert any_store.events.insert(team_id, sent) == 4
    assert any_store.events.of_traces(other_team_id, ["trace"]) == {}
    assert any_store.events.of_kind(other_team_id, EVENT_SUMMARY, ["trace"]) == {}
    assert any_store.events.insert(other_team_id, sent) == 4
    theirs = replace(sent[0], properties='{"theirs": true}')
    assert any_store.events.insert(other_team_id, [theirs]) == 1
    mine = any_store.events.of_traces(team_id, ["trace"])["trace"].events
    assert by_uuid(mine) == sorted(sent[:3], key=uuid_of)


def test_summaries_are_no_part_of_their_trace(any_store: Store, team_id: int) -> None:
    summaries = [event("trace", 9, kind=EVENT_SUMMARY, title=title) for title in ("a", "b")]
    for summary in summaries:
        any_store.events.insert(team_id, [*events("trace", 2), summary])
    any_store.events.insert(team_id, [event("untold", 9, kind=EVENT_SUMMARY)])
    any_store.events.emit(team_id, make_run_id(team_id, MOMENT), MOMENT, "{}")
    found = any_store.events.of_traces(team_id, ["trace", "untold", ""])
    assert list(found) == ["trace"]
    assert {one.event for one in found["trace"].events} == {EVENT_SPAN}
    latest = any_store.events.of_kind(team_id, EVENT_SUMMARY, ["trace", "untold", "unknown"])
    assert set(latest) == {"trace", "untold"}
    assert latest["trace"] == summaries[1]
