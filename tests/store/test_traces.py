"""What is known of traces comes back; which are pending follows from when their events came."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pyarrow as pa
import pytest

from tests.store.received import (
    MOMENT,
    ODD_IDS,
    add_as_of,
    event,
    events,
    facts,
    fail,
    merge,
    summarize,
    summarized,
)
from trace_clustering.inputs import make_run_id
from trace_clustering.models.traces import EVENT_SUMMARY, TRACE_EVENTS
from trace_clustering.store import Snapshot, Store, TraceRow
from trace_clustering.store.traces import MAX_ATTEMPTS, _table

HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC)


def row(trace_id: str = "trace", **changes: Any) -> TraceRow:
    """A row with changes to it or to its facts."""
    of_facts = {field.name for field in fields(facts())}
    known = replace(
        facts(trace_id), **{name: value for name, value in changes.items() if name in of_facts}
    )
    rest = {name: value for name, value in changes.items() if name not in of_facts}
    made = TraceRow(known, "A refund", "summarized", seen_events=7, seen_until=MOMENT + HOUR)
    return replace(made, **rest)


def pending(store: Store, team_id: int, *, quiet_seconds: int = 0, limit: int = 100) -> list[str]:
    found = store.traces.pending(team_id, quiet_seconds=quiet_seconds, limit=limit)
    assert store.traces.count_pending(team_id, quiet_seconds=quiet_seconds) >= len(found)
    return found


# What is known of a trace


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"input_tokens": None, "output_tokens": None, "cost_usd": None, "cost_source": "unknown"},
        {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "cost_source": "sent"},
        {"input_tokens": 2**64 - 1, "output_tokens": None, "cost_usd": 0.1 + 0.2},
        {"user_id": None, "session_id": None, "name": "", "models": (), "tools": ()},
        {"name": "ñ 你 🙂 'x' \\ \n\t", "user_id": "你", "session_id": "🙂", "title": "\\'"},
        {"models": ("a'b", "c\\d", "🙂"), "tools": ("same",) * 300},
        {"is_error": True, "errors": 2**32 - 1, "spans": 10_000, "duration": 1e-9},
        {"start": datetime(1, 1, 1, tzinfo=UTC), "duration": 1e300},
        {"start": datetime(2100, 1, 1, microsecond=1, tzinfo=UTC), "duration": 0.0},
        {"status": "failed", "title": "", "reason": "ValueError: 'x' 🙂", "attempts": 3},
        {"seen_events": 10_000, "seen_until": MOMENT + timedelta(microseconds=1)},
    ],
)
def test_a_row_comes_back_as_it_was_recorded(
    any_store: Store, team_id: int, changes: dict[str, Any]
) -> None:
    one = row(**changes)
    any_store.traces.record(team_id, [one])
    assert any_store.traces.get(team_id, ["trace"]) == {"trace": one}


def test_rows_of_many_traces(any_store: Store, team_id: int) -> None:
    rows = {one: row(one, title=f"title of {one}") for one in ODD_IDS}
    any_store.traces.record(team_id, list(rows.values()))
    any_store.traces.record(team_id, [])
    assert any_store.traces.get(team_id, [*ODD_IDS, "unknown"]) == rows
    assert any_store.traces.get(team_id, ["\\'", "'"]) == {"\\'": rows["\\'"]}
    assert any_store.traces.get(team_id, []) == {}


def test_rows_of_more_ids_than_one_parameter_takes(any_store: Store, team_id: int) -> None:
    rows = {f"{number:03d}{'🙂' * 509}": row(f"{number:03d}{'🙂' * 509}") for number in range(120)}
    any_store.traces.record(team_id, list(rows.values()))
    assert any_store.traces.get(team_id, [*rows, *rows]) == rows


def test_a_later_row_takes_the_place_of_the_earlier(any_store: Store, team_id: int) -> None:
    first = row(status="failed", reason="odd", attempts=2)
    later = row(start=MOMENT - timedelta(days=50), seen_events=8, title="Another")
    for one in (first, later):
        any_store.traces.record(team_id, [one])
        assert any_store.traces.get(team_id, ["trace"]) == {"trace": one}
    any_store._database.execute("OPTIMIZE TABLE traces FINAL")
    assert any_store.traces.get(team_id, ["trace"]) == {"trace": later}


def record_as_of(store: Store, team_id: int, written: datetime, one: TraceRow) -> None:
    """Record a row as a machine would whose clock says this."""
    row = _table(team_id, [one])
    times = pa.array([written], pa.timestamp("us", tz="UTC"))
    store._database.insert("traces", row.append_column("updated_at", times))


@pytest.mark.parametrize(
    "later",
    [
        row(title="More came", seen_events=8),
        row(title="Changed", seen_until=MOMENT + HOUR + timedelta(microseconds=1)),
        row(title="Most has ended", seen_events=1, seen_until=MOMENT + 24 * HOUR),
        row(title="Done again"),
        row(title="", status="failed", reason="odd", attempts=2),
    ],
    ids=lambda one: one.title or one.status,
)
def test_a_later_row_wins_though_the_clock_was_set_back(
    any_store: Store, team_id: int, later: TraceRow
) -> None:
    record_as_of(any_store, team_id, now() + HOUR, row())
    any_store.traces.record(team_id, [later])
    for _ in range(2):
        assert any_store.traces.get(team_id, ["trace"]) == {"trace": later}
        any_store._database.execute("OPTIMIZE TABLE traces FINAL")


@pytest.mark.parametrize(
    "changes",
    [
        {"seen_events": 6},
        {"seen_until": MOMENT},
        {"seen_events": 6, "seen_until": MOMENT, "status": "failed"},
    ],
)
def test_a_row_that_saw_less_does_not_win(
    any_store: Store, team_id: int, changes: dict[str, Any]
) -> None:
    """Of two that summarize a trace at once, the one that read it first may end last."""
    any_store.traces.record(team_id, [row()])
    record_as_of(any_store, team_id, now() + HOUR, row(**changes))
    for _ in range(2):
        assert any_store.traces.get(team_id, ["trace"]) == {"trace": row()}
        any_store._database.execute("OPTIMIZE TABLE traces FINAL")


def test_rows_of_another_team_are_never_seen(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    any_store.traces.record(team_id, [row()])
    assert any_store.traces.get(other_team_id, ["trace"]) == {}
    theirs = row(title="Theirs")
    any_store.traces.record(other_team_id, [theirs])
    assert any_store.traces.get(team_id, ["trace"]) == {"trace": row()}
    assert any_store.traces.get(other_team_id, ["trace"]) == {"trace": theirs}


# Pending


def test_a_trace_is_pending_until_all_of_it_was_seen(any_store: Store, team_id: int) -> None:
    assert pending(any_store, team_id) == []
    any_store.events.insert(team_id, [*events("a", 3), *events("b", 2)])
    assert sorted(pending(any_store, team_id)) == ["a", "b"]
    assert any_store.traces.count_pending(team_id) == 2
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == ["b"]
    summarize(any_store, team_id, "b")
    assert pending(any_store, team_id) == []
    assert any_store.traces.count_pending(team_id) == 0


@pytest.mark.parametrize("kind", TRACE_EVENTS)
def test_every_kind_of_event_makes_a_trace_pending(
    any_store: Store, team_id: int, kind: str
) -> None:
    any_store.events.insert(team_id, [event("a", kind=kind)])
    assert pending(any_store, team_id) == ["a"]


def test_what_is_no_part_of_a_trace_makes_nothing_pending(any_store: Store, team_id: int) -> None:
    any_store.events.insert(team_id, [event("a", kind=EVENT_SUMMARY)])
    any_store.events.emit(team_id, make_run_id(team_id, MOMENT), MOMENT, '{"$ai_trace_id": "b"}')
    assert pending(any_store, team_id) == []


def test_a_trace_that_grew_is_pending_again(any_store: Store, team_id: int) -> None:
    any_store.events.insert(team_id, events("a", 3))
    summarize(any_store, team_id, "a")
    any_store.events.insert(team_id, events("a", 4))
    assert pending(any_store, team_id) == ["a"]
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == []


def test_a_changed_event_makes_its_trace_pending(any_store: Store, team_id: int) -> None:
    any_store.events.insert(team_id, events("a", 3))
    summarize(any_store, team_id, "a")
    any_store.events.insert(team_id, [event("a", 1, text="changed")])
    for _ in range(2):
        assert pending(any_store, team_id) == ["a"]
        merge(any_store)
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == []


def test_redelivery_makes_nothing_pending(any_store: Store, team_id: int) -> None:
    first, changed = event("a"), event("a", text="changed")
    for one in (first, changed):
        any_store.events.insert(team_id, [one])
    summarize(any_store, team_id, "a")
    for one in (first, changed, first):
        any_store.events.insert(team_id, [one])
        merge(any_store)
        assert pending(any_store, team_id) == []


@pytest.mark.parametrize("year", [1970, 2001, 2024])
def test_an_event_of_long_ago_that_comes_now_counts(
    any_store: Store, team_id: int, year: int
) -> None:
    """What is compared is when events came in, not when they happened."""
    long_ago = datetime(year, 11, 3, tzinfo=UTC)
    any_store.events.insert(team_id, events("a", 2))
    summarize(any_store, team_id, "a")
    any_store.events.insert(team_id, [event("a", 9, moment=long_ago), event("b", moment=long_ago)])
    assert sorted(pending(any_store, team_id)) == ["a", "b"]


def test_an_event_that_was_stored_behind_one_that_was_seen(any_store: Store, team_id: int) -> None:
    """Stamped before the newest, but visible only after it was seen: the count tells."""
    came = now() - HOUR
    add_as_of(any_store, team_id, came, events("a", 2))
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == []
    add_as_of(any_store, team_id, came - timedelta(seconds=3), [event("a", 2)])
    assert pending(any_store, team_id) == ["a"]
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == []


def test_a_trace_that_was_summarized_ahead_of_the_clock(any_store: Store, team_id: int) -> None:
    """After the clock was set back it is summarized once more if more comes, and no more."""
    any_store.events.insert(team_id, [event("a")])
    record_as_of(any_store, team_id, now() + HOUR, summarized(any_store, team_id, "a"))
    assert pending(any_store, team_id) == []
    any_store.events.insert(team_id, [event("a", 1)])
    assert pending(any_store, team_id) == ["a"]
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == []


def test_only_traces_that_have_been_quiet(any_store: Store, team_id: int) -> None:
    add_as_of(any_store, team_id, now() - timedelta(minutes=30), [event("old"), event("busy")])
    add_as_of(any_store, team_id, now(), [event("new"), event("busy", 1)])
    assert pending(any_store, team_id, quiet_seconds=600) == ["old"]
    assert any_store.traces.count_pending(team_id, quiet_seconds=600) == 1
    assert pending(any_store, team_id, quiet_seconds=3600) == []
    assert set(pending(any_store, team_id)) == {"old", "busy", "new"}


def test_a_trace_that_failed_is_tried_so_often(any_store: Store, team_id: int) -> None:
    any_store.events.insert(team_id, events("a", 2))
    for attempts in range(1, MAX_ATTEMPTS):
        fail(any_store, team_id, "a", attempts)
        assert pending(any_store, team_id) == ["a"]
    for attempts in (MAX_ATTEMPTS, MAX_ATTEMPTS + 1):
        fail(any_store, team_id, "a", attempts)
        assert pending(any_store, team_id) == []
    any_store.events.insert(team_id, events("a", 3))
    assert pending(any_store, team_id) == ["a"]
    fail(any_store, team_id, "a", 1)
    assert pending(any_store, team_id) == ["a"]
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == []


def test_the_oldest_arrivals_come_first(any_store: Store, team_id: int) -> None:
    for minutes, trace_id in ((5, "c"), (9, "a"), (7, "b"), (7, "a2")):
        add_as_of(any_store, team_id, now() - timedelta(minutes=minutes), [event(trace_id)])
    add_as_of(any_store, team_id, now(), [event("a", 1)])
    assert pending(any_store, team_id) == ["b", "a2", "c", "a"]
    assert pending(any_store, team_id, limit=2) == ["b", "a2"]
    assert any_store.traces.count_pending(team_id) == 4


def test_equal_arrivals_are_in_the_order_of_ids(any_store: Store, team_id: int) -> None:
    add_as_of(any_store, team_id, now(), [event(one) for one in "cadb"])
    assert pending(any_store, team_id) == ["a", "b", "c", "d"]


def test_teams_have_their_own_pending_traces(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    any_store.events.insert(team_id, [event("a"), event("mine")])
    any_store.events.insert(other_team_id, [event("a"), event("theirs")])
    summarize(any_store, team_id, "a")
    assert pending(any_store, team_id) == ["mine"]
    assert sorted(pending(any_store, other_team_id)) == ["a", "theirs"]
    summarize(any_store, other_team_id, "theirs")
    assert pending(any_store, team_id) == ["mine"]


def test_events_past_their_time_count_as_gone(fresh_dsn: str) -> None:
    """Merges take rows away when they like; a trace whose row went first is not done again."""
    long_ago = now() - timedelta(days=100)
    store = Store.open(fresh_dsn, retention_days=200)
    add_as_of(store, 1, long_ago, [event("old", moment=long_ago)])
    add_as_of(store, 1, now(), [event("late", moment=long_ago)])
    assert pending(store, 1) == ["old", "late"]
    store.close()
    store = Store.open(fresh_dsn, retention_days=92)
    assert pending(store, 1) == ["late"]
    assert store.traces.teams_with_pending(limit=9) == [1]
    store.close()


# Snapshots


def snapshot(
    store: Store, team_id: int, name: str, *, batch_size: int = 3, limit: int = 100
) -> Snapshot:
    return store.traces.take_snapshot(
        team_id, name, quiet_seconds=0, batch_size=batch_size, limit=limit
    )


def batches(store: Store, team_id: int, name: str, taken: Snapshot) -> list[list[str]]:
    assert store.traces.batch(team_id, name, taken.batches) == []
    return [store.traces.batch(team_id, name, number) for number in range(taken.batches)]


def arrive(store: Store, team_id: int, *trace_ids: str) -> None:
    """One after the other."""
    began = now() - HOUR
    for number, trace_id in enumerate(trace_ids):
        add_as_of(store, team_id, began + timedelta(seconds=number), [event(trace_id)])


@pytest.mark.parametrize(("batch_size", "count"), [(1, 7), (3, 3), (7, 1), (100, 1)])
def test_each_trace_is_in_one_batch(
    any_store: Store, team_id: int, batch_size: int, count: int
) -> None:
    arrive(any_store, team_id, *"gfedcba")
    taken = snapshot(any_store, team_id, "s", batch_size=batch_size)
    assert taken == Snapshot(7, count)
    found = batches(any_store, team_id, "s", taken)
    assert {len(batch) for batch in found[:-1]} <= {batch_size}
    assert sorted(one for batch in found for one in batch) == list("abcdefg")


def test_batches_are_in_the_order_of_arrival(any_store: Store, team_id: int) -> None:
    arrive(any_store, team_id, *"gfedcba")
    taken = snapshot(any_store, team_id, "s", limit=5)
    assert taken == Snapshot(5, 2)
    assert batches(any_store, team_id, "s", taken) == [["e", "f", "g"], ["c", "d"]]


def test_a_snapshot_stays_as_it_was_taken(any_store: Store, team_id: int) -> None:
    arrive(any_store, team_id, *"abcd")
    first = snapshot(any_store, team_id, "first")
    assert snapshot(any_store, team_id, "first") == first
    summarize(any_store, team_id, "a", "b")
    arrive(any_store, team_id, "e")
    second = snapshot(any_store, team_id, "second")
    assert snapshot(any_store, team_id, "first", batch_size=1) == first == Snapshot(4, 2)
    assert batches(any_store, team_id, "first", first) == [["a", "b", "c"], ["d"]]
    assert batches(any_store, team_id, "second", second) == [["c", "d", "e"]]


def test_a_snapshot_of_nothing(any_store: Store, team_id: int) -> None:
    assert snapshot(any_store, team_id, "s") == Snapshot(0, 0)
    assert any_store.traces.batch(team_id, "s", 0) == []
    arrive(any_store, team_id, "a")
    assert snapshot(any_store, team_id, "s") == Snapshot(1, 1)


def test_a_snapshot_has_what_is_quiet(any_store: Store, team_id: int) -> None:
    arrive(any_store, team_id, "old")
    any_store.events.insert(team_id, [event("new")])
    taken = any_store.traces.take_snapshot(team_id, "s", quiet_seconds=600, batch_size=9, limit=9)
    assert batches(any_store, team_id, "s", taken) == [["old"]]


def test_snapshots_of_teams_are_apart(any_store: Store, team_id: int, other_team_id: int) -> None:
    arrive(any_store, team_id, "mine")
    arrive(any_store, other_team_id, "theirs", "too")
    assert snapshot(any_store, team_id, "same name") == Snapshot(1, 1)
    assert snapshot(any_store, other_team_id, "same name") == Snapshot(2, 1)
    assert any_store.traces.batch(team_id, "same name", 0) == ["mine"]
    assert any_store.traces.batch(other_team_id, "same name", 0) == ["theirs", "too"]


def test_odd_ids_in_batches(any_store: Store, team_id: int) -> None:
    any_store.events.insert(team_id, [event(one) for one in ODD_IDS])
    taken = snapshot(any_store, team_id, "it's {x:String} 🙂\\", batch_size=5)
    found = batches(any_store, team_id, "it's {x:String} 🙂\\", taken)
    assert sorted(one for batch in found for one in batch) == sorted(ODD_IDS)


# Teams


def test_teams_with_pending_traces_are_paged(any_store: Store, team_id: int) -> None:
    first = 2**62 + 100 * team_id
    teams = [first + number for number in range(7)]
    for team in reversed(teams):
        any_store.events.insert(team, [event("a"), event("b")])
    for team, trace_ids in ((teams[2], "a"), (teams[4], "ab")):
        summarize(any_store, team, *trace_ids)
    after, pages = first - 1, []
    while page := any_store.traces.teams_with_pending(after=after, limit=4):
        pages.append(page)
        after = page[-1]
    left = teams[:4] + teams[5:]
    assert list(chain(*pages))[: len(left)] == left
    assert pages[0] == left[:4]
    for team in left:
        summarize(any_store, team, "a", "b")
    assert not set(any_store.traces.teams_with_pending(after=first - 1, limit=9)) & set(teams)


def test_teams_are_found_when_their_traces_are_quiet(any_store: Store, team_id: int) -> None:
    any_store.events.insert(team_id, [event("new")])
    after = team_id - 1
    assert any_store.traces.teams_with_pending(after=after, limit=1) == [team_id]
    quiet = any_store.traces.teams_with_pending(quiet_seconds=600, after=after, limit=1)
    assert team_id not in quiet


def test_all_teams_from_the_first(fresh_store: Store) -> None:
    assert fresh_store.traces.teams_with_pending(limit=9) == []
    for team in (2**63 - 1, 5, 1):
        fresh_store.events.insert(team, [event()])
    fresh_store.events.insert(5, [event("another")])
    assert fresh_store.traces.teams_with_pending(limit=9) == [1, 5, 2**63 - 1]
    assert fresh_store.traces.waiting_by_team() == {1: 1, 5: 2, 2**63 - 1: 1}
    assert fresh_store.traces.waiting_by_team(quiet_seconds=600) == {}
    assert fresh_store.traces.teams_with_pending(after=2**63 - 1, limit=9) == []
    assert summarized(fresh_store, 5, "trace").seen_events == 1
