"""The connection: locks, refusals, dead servers, threads that share it."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.builders import add, draw, names
from tests.support.clickhouse_front import HOST, ClickHouseFront
from trace_clustering.errors import StoreError, StoreLockedError, StoreRefusedError
from trace_clustering.store import Store, labelled


def open_store(dsn: str) -> Store:
    return Store.open(dsn, retention_days=92)


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
