"""Runs, samples, centroids and assignments: what was written is read, or nothing is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from tests.builders import (
    DIMENSIONS,
    INSIDE,
    STARTED,
    Draw,
    add,
    document,
    draw,
    finish_run,
    names,
    run_record,
    vectors,
)
from trace_clustering.errors import StoreError
from trace_clustering.models import Member, RunStatus
from trace_clustering.store import Sample, Store
from trace_clustering.store.runs import Assigned


def assign(store: Store, team_id: int, run_id: str, drawn: Draw, labels: list[int]) -> None:
    distances = np.linspace(1, 2, len(labels), dtype=np.float32)
    store.runs.write_assignments(team_id, run_id, drawn.rows, np.array(labels), distances)


def test_a_run_is_replaced_by_its_later_records(any_store: Store, team_id: int) -> None:
    running = run_record(team_id, status="running")
    assert any_store.runs.get(team_id, running.run_id) is None
    any_store.runs.record(running)
    assert any_store.runs.get(team_id, running.run_id) == running
    done = run_record(team_id)
    any_store.runs.record(done)
    assert any_store.runs.get(team_id, running.run_id) == done
    assert any_store.runs.recent(team_id) == [done]


def test_runs_that_start_together_get_ids_of_their_own(any_store: Store, team_id: int) -> None:
    shared = [f"team_{team_id}_2026-11-20T12:00:00{fraction}Z" for fraction in ("", ".123")]

    def claim(workflow_run_id: str) -> str:
        run = replace(run_record(team_id, status="running"), workflow_run_id=workflow_run_id)
        return any_store.runs.claim(run, [*shared, f"{shared[1]}_{workflow_run_id}"]).run_id

    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(claim, names(8)))
    assert len(set(claimed)) == 8
    assert sorted(run.run_id for run in any_store.runs.recent(team_id)) == sorted(claimed)
    # A retry of the same workflow's activity comes to the same id, if nobody else has it.
    assert claim("later") == claim("later")


@pytest.mark.parametrize("status", ["running", "completed", "skipped", "failed", "timed_out"])
def test_every_end_of_a_run(store: Store, team_id: int, status: RunStatus) -> None:
    run = run_record(team_id, status=status, reason="because of '[bold]' ñ")
    store.runs.record(run)
    assert store.runs.get(team_id, run.run_id) == run


def test_the_latest_runs_come_first(any_store: Store, team_id: int, other_team_id: int) -> None:
    runs = [run_record(team_id, started=STARTED + timedelta(hours=i)) for i in range(4)]
    for i in (2, 0, 3, 1):
        any_store.runs.record(runs[i])
    any_store.runs.record(run_record(other_team_id))
    assert any_store.runs.recent(team_id) == runs[::-1]
    assert any_store.runs.recent(team_id, limit=2) == [runs[3], runs[2]]
    assert any_store.runs.get(other_team_id, runs[0].run_id) is None
    failed = replace(runs[3], status="failed")
    any_store.runs.record(failed)
    assert any_store.runs.recent(team_id, limit=2, status="completed") == [runs[2], runs[1]]
    assert any_store.runs.recent(team_id, status="failed") == [failed]


def test_the_latest_run_with_a_trace(any_store: Store, team_id: int, other_team_id: int) -> None:
    def finish(team: int, hours: int, ids: str, status: RunStatus = "completed") -> str:
        run = run_record(team, started=STARTED + timedelta(hours=hours), status=status)
        any_store.runs.record(run)
        times = pa.chunked_array([pa.array([INSIDE] * len(ids), pa.timestamp("ms", tz="UTC"))])
        rows = Sample(list(ids), times, vectors(len(ids)))
        distances = np.zeros(len(ids), np.float32)
        any_store.runs.write_assignments(team, run.run_id, rows, np.zeros(len(ids), int), distances)
        return run.run_id

    first, second, _ = (finish(team_id, hours, ids) for hours, ids in enumerate(["ab", "a", "c"]))
    finish(team_id, 3, "ab", "failed")
    finish(team_id, 4, "ab", "running")
    finish(other_team_id, 5, "abd")
    found = [any_store.runs.latest_with(team_id, one) for one in "abd"]
    assert found == [second, first, None]


def test_an_incomplete_sample_is_refused(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(10))
    drawn = draw(any_store, team_id, size=5)
    larger = replace(drawn.ref, size=drawn.ref.size + 1)
    with pytest.raises(StoreError, match="5 of 6 rows are in the store"):
        any_store.runs.read_sample(larger)


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"run_id": "team_1_x"}, {"team_id": 1}])
def test_a_sample_of_something_else_is_none(
    store: Store, team_id: int, changes: dict[str, object]
) -> None:
    add(store, team_id, names(10))
    drawn = draw(store, team_id)
    with pytest.raises(StoreError, match="0 of 10 rows"):
        store.runs.read_sample(replace(drawn.ref, **changes))  # type: ignore[arg-type]


def test_centroids(any_store: Store, team_id: int, other_team_id: int) -> None:
    first, second = vectors(6, seed=1), vectors(6, seed=2)
    runs = any_store.runs
    runs.write_centroids(team_id, "run", "search", first)
    runs.write_centroids(team_id, "run", "final", second)
    runs.write_centroids(other_team_id, "run", "search", second)
    assert np.array_equal(runs.read_centroids(team_id, "run", "search", 6, DIMENSIONS), first)
    assert np.array_equal(runs.read_centroids(team_id, "run", "final", 6, DIMENSIONS), second)
    # A retry that found fewer: only its own are read.
    runs.write_centroids(team_id, "run", "search", second[:3])
    read = runs.read_centroids(team_id, "run", "search", 3, DIMENSIONS)
    assert np.array_equal(read, second[:3])


def test_missing_centroids_are_refused(store: Store, team_id: int) -> None:
    store.runs.write_centroids(team_id, "run", "search", vectors(3))
    with pytest.raises(StoreError, match="3 of 4 are in the store"):
        store.runs.read_centroids(team_id, "run", "search", 4, DIMENSIONS)
    with pytest.raises(StoreError, match="0 of 3 are in the store"):
        store.runs.read_centroids(team_id, "run", "final", 3, DIMENSIONS)


def test_assignments_are_read_closest_first(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(6))
    drawn = draw(any_store, team_id)
    for labels in ([1, 1, 1, 1, 1, 1], [0, 1, 0, 1, 0, 2]):  # the second is a retry's
        assign(any_store, team_id, "run", drawn, labels)
    ids = names(6)
    assert any_store.runs.read_assignments(team_id, "run", 3) == [
        Assigned(0, [ids[0], ids[2], ids[4]]),
        Assigned(1, [ids[1], ids[3]]),
        Assigned(2, [ids[5]]),
    ]


def test_equally_close_traces_are_in_the_order_of_their_ids(store: Store, team_id: int) -> None:
    add(store, team_id, names(5)[::-1])
    drawn = draw(store, team_id)
    store.runs.write_assignments(
        team_id, "run", drawn.rows, np.zeros(5, np.int64), np.ones(5, np.float32)
    )
    assert store.runs.read_assignments(team_id, "run", 1) == [Assigned(0, names(5))]


def test_members_are_the_closest_with_their_latest_text(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(6))
    drawn = draw(any_store, team_id)
    assign(any_store, team_id, "run", drawn, [0, 0, 0, 1, 1, 1])
    newer = document("trace-0000", content="newer", metadata='{"opening": "newer"}')
    add(any_store, team_id, [newer])
    found = any_store.runs.members(team_id, "run", limit=2)
    assert [(m.cluster_id, m.trace_id) for m in found] == [
        (0, "trace-0000"),
        (0, "trace-0001"),
        (1, "trace-0003"),
        (1, "trace-0004"),
    ]
    assert found[0] == Member("trace-0000", 0, 1.0, "newer", '{"opening": "newer"}', INSIDE)
    assert found[1].content == "text of trace-aaab"
    one = any_store.runs.members(team_id, "run", cluster_id=1, limit=10)
    assert [m.trace_id for m in one] == names(6)[3:]
    assert any_store.runs.members(team_id, "run", cluster_id=9) == []


def test_members_without_a_text(store: Store, team_id: int, other_team_id: int) -> None:
    """A team sees no other team's text, even under the same trace id."""
    add(store, other_team_id, names(3))
    drawn = draw(store, other_team_id)
    assign(store, team_id, "run", drawn, [0, 0, 0])
    found = store.runs.members(team_id, "run")
    assert [(m.trace_id, m.content, m.metadata) for m in found] == [
        (trace_id, "", "") for trace_id in names(3)
    ]


def test_a_finished_run_reads_as_the_activities_leave_it(any_store: Store, team_id: int) -> None:
    run = finish_run(any_store, team_id)
    assert any_store.runs.get(team_id, run.run_id) == run
    assert [len(c.trace_ids) for c in any_store.runs.read_assignments(team_id, run.run_id, 3)] == [
        4,
        4,
        4,
    ]
    assert any_store.events.latest_run_ids()[team_id] == run.run_id
