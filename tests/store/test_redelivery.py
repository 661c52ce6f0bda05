"""Delivering again changes nothing, however it is delivered; only what is new or changed counts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.received import MOMENT, add_as_of, event, events, merge, stored
from trace_clustering.models.traces import EVENT_GENERATION, EVENT_SUMMARY, TraceEvent
from trace_clustering.store import ReceivedTrace, Store
from trace_clustering.store.events import _rows, _version

THREADS = 8


def received(store: Store, team_id: int, trace_id: str = "trace") -> ReceivedTrace:
    return store.events.of_traces(team_id, [trace_id])[trace_id]


def kept(store: Store, team_id: int, trace_id: str = "trace") -> set[TraceEvent]:
    found = received(store, team_id, trace_id).events
    assert len({one.uuid for one in found}) == len(found)
    return set(found)


def together(tasks: Sequence[Callable[[], int]]) -> list[int]:
    """What the tasks return, each in a thread of its own, all begun at one moment."""
    start = Barrier(len(tasks))

    def run(task: Callable[[], int]) -> int:
        start.wait(timeout=30)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_the_same_batch_again(any_store: Store, team_id: int) -> None:
    sent = events("trace", 50)
    assert any_store.events.insert(team_id, sent) == 50
    before = received(any_store, team_id)
    for again in (sent, sent[::-1], sent * 2, sent[10:20]):
        assert any_store.events.insert(team_id, again) == 0
    merge(any_store)
    assert any_store.events.insert(team_id, sent) == 0
    after = received(any_store, team_id)
    assert set(after.events) == set(before.events) == set(sent)
    assert after.newest == before.newest
    assert len(stored(any_store, team_id)) == 50


def test_batches_that_overlap(any_store: Store, team_id: int) -> None:
    sent = events("trace", 100)
    assert any_store.events.insert(team_id, sent[:60]) == 60
    assert any_store.events.insert(team_id, sent[40:]) == 40
    assert any_store.events.insert(team_id, sent) == 0
    assert kept(any_store, team_id) == set(sent)


@pytest.mark.parametrize("attempt", range(3))
def test_the_same_batch_at_the_same_moment(any_store: Store, team_id: int, attempt: int) -> None:
    sent = events("trace", 20)
    counts = together([lambda: any_store.events.insert(team_id, sent)] * THREADS)
    assert sorted(counts) == [0] * (THREADS - 1) + [20]
    assert len(stored(any_store, team_id)) == 20


def test_overlapping_batches_at_the_same_moment(any_store: Store, team_id: int) -> None:
    sent = events("trace", 90)
    batches = [sent[first : first + 20] for first in range(0, 80, 10)]

    def inserting(batch: list[TraceEvent]) -> Callable[[], int]:
        return lambda: any_store.events.insert(team_id, batch)

    assert sum(together([inserting(batch) for batch in batches])) == 90
    assert len(stored(any_store, team_id)) == 90
    assert kept(any_store, team_id) == set(sent)


def test_teams_do_not_wait_for_each_other_in_vain(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    sent = events("trace", 20)
    teams = [team_id, other_team_id] * 4

    def inserting(team: int) -> Callable[[], int]:
        return lambda: any_store.events.insert(team, sent)

    assert sum(together([inserting(team) for team in teams])) == 40
    assert kept(any_store, team_id) == kept(any_store, other_team_id) == set(sent)


def test_a_batch_that_could_not_be_stored_can_be_sent_again(store: Store, team_id: int) -> None:
    bad = replace(event("trace", 1), uuid="no uuid")
    for _ in range(2):
        with pytest.raises(Exception, match="UUID"):
            store.events.insert(team_id, [event("trace"), bad])
    assert store.events.insert(team_id, [event("trace")]) == 1


def test_what_two_processes_stored_at_once_is_read_once(any_store: Store, team_id: int) -> None:
    """Both having looked before either had written."""
    sent = events("trace", 5)
    for seconds in range(2):
        add_as_of(any_store, team_id, MOMENT + timedelta(seconds=seconds), sent)
    assert kept(any_store, team_id) == set(sent)
    assert any_store.events.insert(team_id, sent) == 0
    merge(any_store)
    assert len(stored(any_store, team_id)) == 5
    assert kept(any_store, team_id) == set(sent)
    assert any_store.events.insert(team_id, sent) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"properties": '{"$ai_trace_id": "trace", "more": 1}'},
        {"distinct_id": "grace"},
        {"event": EVENT_GENERATION},
        {"properties": "{}", "timestamp": MOMENT + timedelta(hours=1)},
        {"properties": "{}", "timestamp": MOMENT - timedelta(days=60)},
        {"properties": "{}", "timestamp": MOMENT + timedelta(days=60)},
    ],
)
def test_a_changed_version_takes_the_older_ones_place(
    any_store: Store, team_id: int, changes: dict[str, str]
) -> None:
    first = event("trace")
    second = replace(first, **changes)  # type: ignore[arg-type]
    assert any_store.events.insert(team_id, [first]) == 1
    before = received(any_store, team_id).newest
    assert any_store.events.insert(team_id, [second]) == 1
    assert received(any_store, team_id).newest > before
    assert kept(any_store, team_id) == {second}
    merge(any_store, first.timestamp, second.timestamp)
    # A file that holds both changes nothing when it is loaded again.
    for one in (first, second, first):
        assert any_store.events.insert(team_id, [one]) == 0
        assert kept(any_store, team_id) == {second}


def test_versions_are_remembered_over_merges(any_store: Store, team_id: int) -> None:
    versions = [event("trace", text=text) for text in "abcd"]
    for one in versions:
        assert any_store.events.insert(team_id, [one]) == 1
        merge(any_store)
    assert len(stored(any_store, team_id)) == 1
    assert any_store.events.insert(team_id, versions[:3]) == 0
    for one in versions[::-1]:
        assert any_store.events.insert(team_id, [one]) == 0
    assert kept(any_store, team_id) == {versions[3]}


def test_of_two_versions_in_one_batch_the_later_counts(any_store: Store, team_id: int) -> None:
    first, second = (event("trace", text=text) for text in "ab")
    assert any_store.events.insert(team_id, [first, second]) == 1
    assert kept(any_store, team_id) == {second}
    assert any_store.events.insert(team_id, [first, second]) == 0
    assert any_store.events.insert(team_id, [second, first]) == 1
    assert kept(any_store, team_id) == {first}


@pytest.mark.parametrize("hours", [-23, 23])
def test_a_time_set_anew_is_no_change(any_store: Store, team_id: int, hours: int) -> None:
    first = event("trace")
    assert any_store.events.insert(team_id, [first]) == 1
    again = replace(first, timestamp=MOMENT + timedelta(hours=hours))
    assert any_store.events.insert(team_id, [again]) == 0
    assert kept(any_store, team_id) == {first}


def test_what_is_no_longer_kept_can_be_stored_again(any_store: Store, team_id: int) -> None:
    sent = events("trace", 3)
    any_store.events.insert(team_id, sent)
    any_store._database.execute(
        f"ALTER TABLE events DELETE IN PARTITION ID '{MOMENT:%Y%m}' "
        "WHERE team_id = {team_id:Int64} SETTINGS mutations_sync = 2",
        team_id=team_id,
    )
    assert stored(any_store, team_id) == []
    assert any_store.events.insert(team_id, sent) == 3
    assert kept(any_store, team_id) == set(sent)


def test_summaries_are_stored_once_too(any_store: Store, team_id: int) -> None:
    summary = event("trace", kind=EVENT_SUMMARY, title="a")
    assert any_store.events.insert(team_id, [summary]) == 1
    assert any_store.events.insert(team_id, [summary]) == 0


def test_versions_follow_from_what_is_said() -> None:
    # Of all versions of this program: nothing must be stored again after an upgrade.
    assert _version(replace(event("trace"), properties="{}")) == 5132497660726632826
    assert _version(event("a", user="bc")) != _version(event("ab", user="c"))


def test_only_so_many_versions_are_remembered() -> None:
    one = event("trace")
    (versions,) = _rows(1, [one], {one.uuid: range(1000)})["versions"].to_pylist()
    assert versions == [*range(901, 1000), _version(one)]


# Events of one trace, each a number and what it says; None merges the parts.
DELIVERIES = st.lists(
    st.none() | st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=5),
    max_size=6,
)
_teams = itertools.count(2**40)


@settings(max_examples=40)
@given(DELIVERIES)
def test_of_any_deliveries_the_newest_version_counts(
    store: Store, deliveries: list[list[tuple[int, str]] | None]
) -> None:
    team_id = next(_teams)
    ever: set[TraceEvent] = set()
    latest: dict[str, TraceEvent] = {}
    for delivery in deliveries:
        if delivery is None:
            merge(store)
            continue
        sent = [event("trace", number, text=text) for number, text in delivery]
        new = [one for one in {one.uuid: one for one in sent}.values() if one not in ever]
        assert store.events.insert(team_id, sent) == len(new)
        ever.update(new)
        latest.update({one.uuid: one for one in new})
        found = store.events.of_traces(team_id, ["trace"])
        assert {one for r in found.values() for one in r.events} == set(latest.values())
