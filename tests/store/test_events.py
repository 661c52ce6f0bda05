"""An event is stored once, however often and from however many threads it is emitted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from trace_clustering.inputs import make_run_id
from trace_clustering.store import Store
from trace_clustering.store.times import as_utc
from trace_clustering.store.events import event_uuid

MOMENT = datetime(2025, 1, 23, 1, 2, 3, 456_000, tzinfo=UTC)
THREADS = 8


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
