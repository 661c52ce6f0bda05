"""The schema: made step by step, brought up to date, and how long its rows are kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from tests.builders import add, draw, names
from tests.conftest import RETENTION_DAYS
from tests.store.received import MOMENT, add_as_of, event, facts, merge
from tests.support.clickhouse_front import ClickHouseFront
from trace_clustering.errors import StoreError, StoreRefusedError
from trace_clustering.inputs import make_run_id
from trace_clustering.models.traces import EVENT_SUMMARY
from trace_clustering.store import Store, TraceRow
from trace_clustering.store.database import Database
from trace_clustering.store.events import event_uuid
from trace_clustering.store.migrations import (
    MIGRATIONS,
    Migration,
    events_kept_days,
    migrate,
    set_retention,
)

TABLES = {
    "api_keys",
    "clustering_assignments",
    "clustering_centroids",
    "clustering_findings",
    "clustering_leaves",
    "clustering_map",
    "clustering_outliers",
    "clustering_runs",
    "clustering_samples",
    "clustering_traces",
    "document_embeddings",
    "events",
    "schema_migrations",
    "summarization_batches",
    "traces",
}
NUMBERS = [migration.number for migration in MIGRATIONS]

# What users' own queries, and other programs that write vectors, rely on.
COLUMNS = {
    "document_embeddings": {
        "team_id": "Int64",
        "product": "LowCardinality(String)",
        "document_type": "LowCardinality(String)",
        "model_name": "LowCardinality(String)",
        "rendering": "LowCardinality(String)",
        "document_id": "String",
        "timestamp": "DateTime64(3, 'UTC')",
        "inserted_at": "DateTime64(6, 'UTC')",
        "content": "String",
        "metadata": "String",
        "embedding": "Array(Float32)",
    },
    "events": {
        "uuid": "UUID",
        "event": "LowCardinality(String)",
        "properties": "String",
        "timestamp": "DateTime64(6, 'UTC')",
        "team_id": "Int64",
        "distinct_id": "String",
        "created_at": "DateTime64(6, 'UTC')",
        "trace_id": "String",
    },
    "traces": {
        "trace_id": "String",
        "title": "String",
        "models": "Array(LowCardinality(String))",
        "tools": "Array(LowCardinality(String))",
        "input_tokens": "Nullable(UInt64)",
        "output_tokens": "Nullable(UInt64)",
        "cost_usd": "Nullable(Float64)",
        "status": "LowCardinality(String)",
    },
}


def open_store(dsn: str, retention_days: int = 92) -> Store:
    return Store.open(dsn, retention_days=retention_days)


def tables(database: Database) -> set[str]:
    rows = database.select(
        "SELECT name FROM system.tables WHERE database = {name:String}", name=database.name
    )
    return {row["name"] for row in rows}


def columns(database: Database, table: str) -> dict[str, str]:
    rows = database.select(
        "SELECT name, type FROM system.columns "
        "WHERE database = {name:String} AND table = {table:String}",
        name=database.name,
        table=table,
    )
    return {row["name"]: row["type"] for row in rows}


def engine(database: Database, table: str) -> str:
    (row,) = database.select(
        "SELECT engine_full FROM system.tables "
        "WHERE database = {name:String} AND name = {table:String}",
        name=database.name,
        table=table,
    )
    return str(row["engine_full"])


def kinds(store: Store) -> list[dict[str, Any]]:
    return store._database.select("SELECT event, trace_id FROM events ORDER BY event, trace_id")


def test_opening_makes_database_and_schema(any_store: Store) -> None:
    database = any_store._database
    assert tables(database) == TABLES
    assert migrate(database) == []
    for table, types in COLUMNS.items():
        assert types.items() <= columns(database, table).items()


def test_vectors_are_partitioned_by_week_and_sorted_by_team_and_day(any_store: Store) -> None:
    made = engine(any_store._database, "document_embeddings")
    assert "PARTITION BY toMonday(timestamp)" in made
    assert "ORDER BY (team_id, toDate(timestamp)," in made
    assert f"toIntervalDay({RETENTION_DAYS})" in made


def test_the_schema_is_made_step_by_step_and_once(fresh_dsn: str) -> None:
    database = Database(fresh_dsn)
    try:
        assert migrate(database, MIGRATIONS[:1]) == [1]
        assert tables(database) == {"document_embeddings", "schema_migrations"}
        assert migrate(database) == NUMBERS[1:]
        assert migrate(database) == []
        numbers = database.select("SELECT number FROM schema_migrations FINAL ORDER BY number")
        assert [row["number"] for row in numbers] == NUMBERS
    finally:
        database.close()


def test_many_may_open_a_new_database_at_once(fresh_dsn: str) -> None:
    together = Barrier(4)

    def opened(_: int) -> Store:
        together.wait(timeout=30)
        return open_store(fresh_dsn)

    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(opened, range(4)))
    assert tables(stores[0]._database) == TABLES
    add(stores[0], 1, names(3))
    assert draw(stores[3], 1).ids == names(3)
    assert stores[0].events.insert(1, [event()]) == 1
    assert stores[3].events.insert(1, [event()]) == 0
    for one in stores:
        one.close()


def test_every_statement_may_run_twice(fresh_dsn: str) -> None:
    database = Database(fresh_dsn)
    try:
        migrate(database)
        for migration in MIGRATIONS:
            for statement in migration.statements:
                database.execute(statement)
        assert tables(database) == TABLES
    finally:
        database.close()


def test_a_newer_schema_is_refused(fresh_dsn: str) -> None:
    database = Database(fresh_dsn)
    migrate(database, (*MIGRATIONS, Migration(99, "from the future", ())))
    database.close()
    ours = NUMBERS[-1]
    with pytest.raises(StoreError, match=f"version 99, newer than this program's {ours}: upgrade"):
        open_store(fresh_dsn)


def test_migrations_are_numbered_in_order() -> None:
    assert list(range(1, len(MIGRATIONS) + 1)) == NUMBERS


def test_a_failed_step_is_done_again(fresh_dsn: str) -> None:
    broken = replace(MIGRATIONS[1], statements=(*MIGRATIONS[1].statements, "CREATE NONSENSE"))
    database = Database(fresh_dsn)
    try:
        with pytest.raises(StoreRefusedError):
            migrate(database, (MIGRATIONS[0], broken, *MIGRATIONS[2:]))
        assert migrate(database) == NUMBERS[1:]
    finally:
        database.close()


# A database of the first release, which had three steps and stored nothing but what runs found


def emit_as_before(dsn: str, run_id: str, properties: str) -> None:
    database = Database(dsn)
    try:
        assert migrate(database, MIGRATIONS[:3]) == [1, 2, 3]
        database.execute(
            "INSERT INTO events (uuid, event, properties, timestamp, team_id, distinct_id) VALUES "
            "({uuid:UUID}, '$ai_trace_clusters', {properties:String}, {moment:DateTime64(6)}, 7, "
            "'trace-clustering')",
            uuid=str(event_uuid(run_id)),
            properties=properties,
            moment="2025-01-23 01:02:03.456",
        )
    finally:
        database.close()


def test_an_older_database_is_brought_up_to_date(fresh_dsn: str) -> None:
    run_id = make_run_id(7, MOMENT)
    properties = f'{{"$ai_clustering_run_id": "{run_id}", "b": "ñ"}}'
    emit_as_before(fresh_dsn, run_id, properties)
    store = open_store(fresh_dsn)
    assert store.events.properties(7, run_id) == properties
    assert store.events.latest_run_ids() == {7: run_id}
    assert not store.events.emit(7, run_id, MOMENT, "{}")
    assert store._database.select("SELECT trace_id, versions FROM events") == [
        {"trace_id": "", "versions": []}
    ]
    assert store.traces.count_pending(7) == 0

    assert store.events.insert(7, [event("a"), event("b")]) == 2
    assert store.events.insert(7, [event("b"), event("c")]) == 1
    assert store.events.of_traces(7, ["a"])["a"].events == (event("a"),)
    assert store.traces.count_pending(7) == 3
    store._database.execute("OPTIMIZE TABLE events FINAL")
    assert store.events.properties(7, run_id) == properties
    assert [row["trace_id"] for row in kinds(store)] == ["a", "b", "c", ""]
    store.close()


def test_an_event_without_a_trace_id_of_its_own_has_that_of_its_properties(
    any_store: Store, team_id: int
) -> None:
    """What another program writes to the table in the columns it had at first."""
    any_store._database.execute(
        "INSERT INTO events (uuid, event, properties, timestamp, team_id, distinct_id) VALUES "
        "(generateUUIDv4(), '$ai_span', {properties:String}, now64(6), {team_id:Int64}, 'ada')",
        properties='{"$ai_trace_id": "theirs"}',
        team_id=team_id,
    )
    assert any_store.traces.pending(team_id, limit=9) == ["theirs"]
    (one,) = any_store.events.of_traces(team_id, ["theirs"])["theirs"].events
    assert one.distinct_id == "ada"
    # Its versions are not known: sent as well, it takes its place, once.
    assert any_store.events.insert(team_id, [one]) == 1
    assert any_store.events.insert(team_id, [one]) == 0
    assert any_store.events.of_traces(team_id, ["theirs"])["theirs"].events == (one,)


# How long rows are kept


def test_retention_is_changed_when_it_differs(front: ClickHouseFront, fresh_dsn: str) -> None:
    def altered() -> int:
        return sum("MODIFY TTL" in query.sql for query in front.queries())

    # At first only events have to be altered: their table was made without.
    for days, changes in ((92, 1), (92, 0), (30, 11), (30, 0), (92, 11)):
        before = altered()
        store = open_store(fresh_dsn, days)
        assert altered() - before == changes
        for table in ("document_embeddings", "clustering_runs", "events", "traces"):
            assert f"toIntervalDay({days})" in engine(store._database, table)
        assert events_kept_days(store._database) == days
        store.close()


def test_events_of_an_older_database_get_an_end_once(
    front: ClickHouseFront, fresh_dsn: str
) -> None:
    run_id = make_run_id(7, MOMENT)
    emit_as_before(fresh_dsn, run_id, "{}")
    front.forget()
    for _ in range(2):
        store = open_store(fresh_dsn)
        store._database.execute("OPTIMIZE TABLE events FINAL")
        assert store.events.properties(7, run_id) == "{}"
        store.close()
    altered = [query.sql for query in front.queries() if "MODIFY TTL" in query.sql]
    assert len(altered) == 1
    assert altered[0].startswith("ALTER TABLE events MODIFY TTL")


def test_what_runs_found_is_kept_for_ever(fresh_dsn: str) -> None:
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=100)
    store = open_store(fresh_dsn)
    found = event("", kind="$ai_trace_clusters", moment=long_ago)
    old = [event("old", moment=long_ago), event("old", 1, kind=EVENT_SUMMARY, moment=long_ago)]
    add_as_of(store, 1, long_ago, [found, *old, event("dated ahead", moment=now)])
    add_as_of(store, 1, now, [event("late", moment=long_ago), event("new", moment=now)])
    merge(store, now, long_ago)
    assert [(row["event"], row["trace_id"]) for row in kinds(store)] == [
        ("$ai_span", "dated ahead"),
        ("$ai_span", "late"),
        ("$ai_span", "new"),
        ("$ai_trace_clusters", ""),
    ]
    store.close()


def test_what_is_known_of_a_trace_ends_with_its_events(fresh_dsn: str) -> None:
    """Rows of long ago that were written now stay as long as others do."""
    store = open_store(fresh_dsn)
    long_ago = replace(facts("late"), start=datetime(2020, 1, 1, tzinfo=UTC))
    store.traces.record(1, [TraceRow(long_ago, "", "summarized", 1, MOMENT)])
    store._database.execute("OPTIMIZE TABLE traces FINAL")
    assert list(store.traces.get(1, ["late"])) == ["late"]
    store.close()


def test_batches_of_summarizations_are_kept_for_two_days(fresh_dsn: str) -> None:
    store = open_store(fresh_dsn)
    for days in range(5):
        store._database.execute(
            "INSERT INTO summarization_batches (team_id, snapshot, batch, trace_id, created_at) "
            "VALUES (1, 's', {days:UInt32}, 'trace', now() - toIntervalDay({days:UInt32}))",
            days=days,
        )
    store._database.execute("OPTIMIZE TABLE summarization_batches FINAL")
    left = store._database.select("SELECT batch FROM summarization_batches ORDER BY batch")
    assert [row["batch"] for row in left] == [0, 1]
    store.close()


def test_the_longest_retention_keeps_rows(store: Store, team_id: int) -> None:
    """Beyond 2106 a row's end would wrap around and lie in the past."""
    set_retention(store._database, 10_000)
    try:
        add(store, team_id, names(3))
        store.events.insert(team_id, [event()])
        store._database.execute("OPTIMIZE TABLE document_embeddings FINAL")
        merge(store)
        assert draw(store, team_id).ids == names(3)
        assert store.traces.pending(team_id, limit=9) == ["trace"]
    finally:
        set_retention(store._database, RETENTION_DAYS)


def test_a_table_that_does_not_say_how_long_it_is_kept(fresh_dsn: str) -> None:
    database = Database(fresh_dsn)
    try:
        migrate(database)
        with pytest.raises(StoreError, match="does not say how long"):
            events_kept_days(database)
    finally:
        database.close()
