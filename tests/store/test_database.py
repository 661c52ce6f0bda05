"""The connection, the schema and how long rows are kept; locks, refusals, dead servers."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from urllib.parse import quote

import pytest

from tests.builders import add, draw, names
from tests.support.clickhouse_front import HOST, ClickHouseFront
from trace_clustering.errors import StoreError, StoreLockedError, StoreRefusedError
from trace_clustering.store import Store, labelled
from trace_clustering.store.database import Database
from trace_clustering.store.migrations import MIGRATIONS, Migration, migrate, set_retention

TABLES = {
    "clustering_assignments",
    "clustering_centroids",
    "clustering_runs",
    "clustering_samples",
    "document_embeddings",
    "events",
    "schema_migrations",
}
COLUMNS = {
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
}


def open_store(dsn: str, retention_days: int = 92) -> Store:
    return Store.open(dsn, retention_days=retention_days)


def tables(database: Database) -> set[str]:
    rows = database.select(
        "SELECT name FROM system.tables WHERE database = {name:String}", name=database.name
    )
    return {row["name"] for row in rows}


def engine(database: Database, table: str) -> str:
    (row,) = database.select(
        "SELECT engine_full FROM system.tables "
        "WHERE database = {name:String} AND name = {table:String}",
        name=database.name,
        table=table,
    )
    return str(row["engine_full"])


def test_opening_makes_database_and_schema(any_store: Store) -> None:
    database = any_store._database
    assert tables(database) == TABLES
    assert migrate(database) == []
    found = database.select(
        "SELECT name, type FROM system.columns "
        "WHERE database = {name:String} AND table = 'document_embeddings'",
        name=database.name,
    )
    types = {row["name"]: row["type"] for row in found}
    assert {name: types[name] for name in COLUMNS} == COLUMNS


def test_vectors_are_partitioned_by_week_and_sorted_by_team_and_day(any_store: Store) -> None:
    made = engine(any_store._database, "document_embeddings")
    assert "PARTITION BY toMonday(timestamp)" in made
    assert "ORDER BY (team_id, toDate(timestamp)," in made
    assert "toIntervalDay(92)" in made


def test_the_schema_is_made_step_by_step_and_once(fresh_dsn: str) -> None:
    database = Database(fresh_dsn)
    try:
        assert migrate(database, MIGRATIONS[:1]) == [1]
        assert tables(database) == {"document_embeddings", "schema_migrations"}
        assert migrate(database) == [2, 3]
        assert migrate(database) == []
        numbers = database.select("SELECT number FROM schema_migrations FINAL ORDER BY number")
        assert [row["number"] for row in numbers] == [1, 2, 3]
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
    for one in stores:
        one.close()


def test_a_newer_schema_is_refused(fresh_dsn: str) -> None:
    database = Database(fresh_dsn)
    migrate(database, (*MIGRATIONS, Migration(99, "from the future", ())))
    database.close()
    with pytest.raises(StoreError, match="schema version 99, newer than this program's 3: upgrade"):
        open_store(fresh_dsn)


def test_migrations_are_numbered_in_order() -> None:
    assert [m.number for m in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_failed_step_is_done_again(fresh_dsn: str) -> None:
    broken = replace(MIGRATIONS[1], statements=(*MIGRATIONS[1].statements, "CREATE NONSENSE"))
    database = Database(fresh_dsn)
    try:
        with pytest.raises(StoreRefusedError):
            migrate(database, (MIGRATIONS[0], broken, MIGRATIONS[2]))
        assert migrate(database) == [2, 3]
    finally:
        database.close()


def test_retention_is_changed_when_it_differs(front: ClickHouseFront, fresh_dsn: str) -> None:
    def altered() -> int:
        return sum("MODIFY TTL" in query.sql for query in front.queries())

    for days, changes in ((92, 0), (30, 4), (30, 0), (92, 4)):
        before = altered()
        store = open_store(fresh_dsn, days)
        assert altered() - before == changes
        for table in ("document_embeddings", "clustering_runs"):
            assert f"toIntervalDay({days})" in engine(store._database, table)
        assert "TTL" not in engine(store._database, "events")
        store.close()


def test_the_longest_retention_keeps_rows(store: Store, team_id: int) -> None:
    """Beyond 2106 a row's end would wrap around and lie in the past."""
    set_retention(store._database, 10_000)
    try:
        add(store, team_id, names(3))
        store._database.execute("OPTIMIZE TABLE document_embeddings FINAL")
        assert draw(store, team_id).ids == names(3)
    finally:
        set_retention(store._database, 92)


def test_one_process_may_open_the_folder_twice(store: Store, data_dir: Path, team_id: int) -> None:
    second = open_store(f"chdb://{data_dir / 'clickhouse'}")
    add(second, team_id, names(2))
    second.close()
    assert draw(store, team_id).ids == names(2)


def test_a_second_process_is_refused(store: Store, data_dir: Path) -> None:
    code = (
        "import sys\n"
        "from trace_clustering.errors import StoreLockedError\n"
        "from trace_clustering.store import Store\n"
        "try:\n"
        "    Store.open(sys.argv[1], retention_days=92)\n"
        "except StoreLockedError as error:\n"
        "    sys.exit(str(error))\n"
    )
    folder = data_dir / "clickhouse"
    done = subprocess.run(
        [sys.executable, "-c", code, f"chdb://{folder}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"{folder}: another process has this data folder open; is a service running on it? "
        "Otherwise set another --data-dir"
    )
    store.ping()


def test_a_wrong_statement_is_refused_and_the_next_one_works(any_store: Store) -> None:
    database = any_store._database
    for wrong in ("SELEC 1", "SELECT missing FROM events", "SELECT * FROM no_such_table"):
        with pytest.raises(StoreRefusedError, match="ClickHouse: "):
            database.select(wrong)
        assert database.select("SELECT 7 AS n") == [{"n": 7}]


def test_an_error_while_rows_are_read_does_not_poison_the_next_query(any_store: Store) -> None:
    database = any_store._database
    failing = "SELECT throwIf(number = 900000, 'far in') AS x FROM numbers(1000000)"
    for _ in range(3):
        with pytest.raises(StoreError, match="far in"):
            list(database.arrow_batches(failing))
        with pytest.raises(StoreError, match="far in"):
            database.select(failing)
        assert database.select("SELECT number FROM numbers(2)") == [{"number": 0}, {"number": 1}]


def test_a_reader_that_stops_early_does_not_poison_the_next_query(any_store: Store) -> None:
    database = any_store._database
    for _ in range(3):
        batches = database.arrow_batches("SELECT number FROM numbers(1000000)")
        assert next(batches).num_rows > 0
        batches.close()  # type: ignore[attr-defined]
        assert database.select("SELECT 1 AS one") == [{"one": 1}]


def test_threads_get_their_own_answers(any_store: Store) -> None:
    database = any_store._database

    def ask(number: int) -> int:
        (row,) = database.select("SELECT {n:Int64} * 2 AS twice", n=number)
        return int(row["twice"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(64))) == [2 * n for n in range(64)]


def test_statements_say_for_what_they_run(front: ClickHouseFront, server_store: Store) -> None:
    front.forget()
    with labelled("run team_5_x"):
        server_store.ping()
    server_store.ping()
    comments = [query.log_comment for query in front.queries() if "AS one" in query.sql]
    assert comments == ["run team_5_x", ""]


def test_a_wrong_password_is_refused_without_being_told(front: ClickHouseFront) -> None:
    dsn = f"http://{front.user}:{quote('s3cret/#@', safe='')}@{HOST}:{front.port}/any"
    with pytest.raises(StoreRefusedError) as caught:
        open_store(dsn)
    assert "Authentication failed" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_unreachable_server(front: ClickHouseFront) -> None:
    with socket.socket() as bound:
        bound.bind((HOST, 0))  # and does not listen
        port = bound.getsockname()[1]
        with pytest.raises(StoreError) as caught:
            open_store(f"http://ada:s3cret@{HOST}:{port}/any")
    assert not isinstance(caught.value, StoreRefusedError | StoreLockedError)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_dies_and_comes_back(tmp_path: Path, team_id: int) -> None:
    with ClickHouseFront(tmp_path / "store") as front:
        store = open_store(front.dsn("mine"))
        add(store, team_id, names(3))
        front.kill()
        with pytest.raises(StoreError):
            store.ping()
        front.start()
        assert draw(store, team_id).ids == names(3)
        store.close()
