"""The test front answers the real clickhouse-connect client as a ClickHouse server would."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import clickhouse_connect
import numpy as np
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, OperationalError
from numpy.typing import NDArray

from tests.support.clickhouse_front import HOST, ClickHouseFront, parse_statement

Client = Any
NUMBERS = count()
VECTORS, DIMENSIONS = 20_000, 384


def connect(front: ClickHouseFront, database: str = "default", **options: Any) -> Client:
    return clickhouse_connect.get_client(
        dsn=front.dsn(database), autogenerate_session_id=False, **options
    )


def create_database(client: Client) -> str:
    name = f"test_{next(NUMBERS)}"
    client.command(f"CREATE DATABASE {name} ENGINE = Atomic")
    return name


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseFront]:
    path = tmp_path_factory.mktemp("front") / "store"
    with ClickHouseFront(path, user="someone", password="p:@/ä'") as running:
        yield running


@pytest.fixture(scope="module")
def plain_client(front: ClickHouseFront) -> Iterator[Client]:
    with connect(front) as connected:
        yield connected


@pytest.fixture(scope="module")
def form_client(front: ClickHouseFront) -> Iterator[Client]:
    with connect(front, form_encode_query_params=True) as connected:
        yield connected


@pytest.fixture
def database(plain_client: Client) -> str:
    return create_database(plain_client)


@pytest.fixture
def client(front: ClickHouseFront, database: str) -> Iterator[Client]:
    with connect(front, database) as connected:
        yield connected


@pytest.fixture
def background(front: ClickHouseFront) -> Iterator[ThreadPoolExecutor]:
    """For what may be held: released whatever happens, so that no test hangs."""
    with ThreadPoolExecutor(4) as pool:
        yield pool
        front.release()


@pytest.fixture
def table(client: Client) -> str:
    client.command(
        "CREATE TABLE items (id UInt64, name String, seen DateTime64(3, 'UTC'))"
        " ENGINE = ReplacingMergeTree ORDER BY id"
    )
    return "items"


def failure(action: Callable[[], object]) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        action()
    return caught.value


def test_start_up_tells_version_and_zone(client: Client) -> None:
    assert int(client.server_version.split(".")[0]) >= 26
    assert str(client.server_tz) == "UTC"
    assert client.ping()


def test_database_that_does_not_exist(front: ClickHouseFront) -> None:
    error = failure(lambda: connect(front, "missing"))
    assert error.code == 81
    assert "Code: 81. DB::Exception: Database missing does not exist." in str(error)


def test_wrong_password(front: ClickHouseFront) -> None:
    error = failure(
        lambda: clickhouse_connect.get_client(
            host=HOST, port=front.port, username=front.user, password="wrong"
        )
    )
    assert error.code == 516
    assert "Authentication failed" in str(error)


def request(
    front: ClickHouseFront,
    method: str,
    path: str,
    headers: Mapping[str, str | bytes],
    body: bytes = b"",
) -> tuple[int, str | None, str]:
    connection = http.client.HTTPConnection(HOST, front.port, timeout=60)
    try:
        connection.request(method, path, body or None, dict(headers))
        response = connection.getresponse()
        code = response.headers["X-ClickHouse-Exception-Code"]
        return response.status, code, response.read().decode()
    finally:
        connection.close()


def test_statuses_headers_and_ping(front: ClickHouseFront) -> None:
    login: dict[str, str | bytes] = {
        "X-ClickHouse-User": front.user,
        "X-ClickHouse-Key": front.password.encode(),
    }
    assert request(front, "GET", "/ping", {}) == (200, None, "Ok.\n")
    assert request(front, "POST", "/", {}, b"SELECT 1")[:2] == (403, "516")
    with_fields = urlencode({"user": front.user, "password": front.password})
    assert request(front, "POST", f"/?{with_fields}", {}, b"SELECT 1") == (200, None, "1\n")
    missing = request(front, "POST", f"/?{with_fields}&database=missing", {}, b"SELECT 1")
    assert missing[:2] == (404, "81")
    assert request(front, "POST", f"/?{with_fields}", {}, b"SELECT")[:2] == (400, "62")
    writing = urlencode({"query": "CREATE DATABASE from_get ENGINE = Atomic"})
    assert request(front, "GET", f"/?{with_fields}&{writing}", {})[1] == "164"
    assert request(front, "POST", "/", login, b"SELECT 1") == (200, None, "1\n")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", 'it\'s "quoted" \\ and\ttabbed\nand\r\\N; -- {x:String}'),
        ("String", "Zoë 🎉 “quoted”"),
        ("String", ""),
        ("Array(String)", ["a'b", "c\\d", "e\tf\ng", "é,]["]),
        ("Array(String)", []),
        ("Array(UInt64)", [0, 2**64 - 1]),
        ("Array(Float64)", [0.1, -1e300]),
        ("UInt64", 2**64 - 1),
        ("Float64", 0.1),
        ("Bool", True),
        ("Date", date(2026, 2, 28)),
        ("Nullable(String)", None),
        ("Tuple(String, UInt8)", ("a'b", 7)),
        ("DateTime64(3, 'UTC')", datetime(2026, 1, 2, 3, 4, 5, 678000)),
        ("Array(DateTime64(3, 'UTC'))", [datetime(2026, 1, 2, 3, 4, 5, 678000)]),
    ],
)
def test_bound_parameters(
    plain_client: Client, form_client: Client, kind: str, value: object
) -> None:
    for client in (plain_client, form_client):
        result = client.query(f"SELECT {{value:{kind}}}", parameters={"value": value})
        assert result.result_rows == [(value,)]


def test_many_bound_parameters_travel_as_a_form(client: Client) -> None:
    wanted = [f"{n}-ü'" for n in range(5000)]
    rows = client.query(
        "SELECT length({wanted:Array(String)}), {name:Identifier} FROM numbers(1)",
        parameters={"wanted": wanted, "name": "number"},
    ).result_rows
    assert rows == [(5000, 0)]


def test_insert_and_query_rows(client: Client, table: str) -> None:
    seen = datetime(2026, 1, 2, 3, 4, 5, 678000)
    rows = [(n, f"it's;\n\n{n} 🎉", seen) for n in range(3)]
    summary = client.insert(table, rows, column_names=["id", "name", "seen"])
    assert summary.written_rows == 3
    assert client.query(f"SELECT * FROM {table} ORDER BY id").result_rows == rows


@pytest.mark.parametrize("compression", [False, "lz4", "zstd", "gzip"])
def test_compression(front: ClickHouseFront, database: str, compression: bool | str) -> None:
    with connect(front, database, compress=compression) as client:
        client.command("CREATE TABLE texts (text String) ENGINE = MergeTree ORDER BY tuple()")
        rows = [[f"{n} " * 20] for n in range(5000)]
        client.insert("texts", rows, column_names=["text"])
        assert sorted(client.query("SELECT text FROM texts").result_rows) == sorted(
            map(tuple, rows)
        )


def test_raw_insert_with_compressed_data(client: Client, table: str) -> None:
    lines = b'{"id": 1, "name": "a;\\n"}\n\n{"id": 2, "name": "b"}\n'
    client.raw_insert(table, None, lines, fmt="JSONEachRow")
    client.raw_insert(table, ["id", "name"], (part for part in [b"3\tc\n", b"4\td"]), fmt="TSV")
    assert client.command(f"SELECT arraySort(groupArray(id)) FROM {table}") == "[1,2,3,4]"


def test_values_select_and_command(client: Client, table: str) -> None:
    client.command(
        f"INSERT INTO {table} (id, name) VALUES (1, 'a;\nb'), (2, {{n:String}})",
        parameters={"n": "it's"},
    )
    summary = client.command(f"INSERT INTO {table} (id, name) SELECT id + 10, name FROM {table}")
    assert summary.written_rows == 2
    assert client.command(f"SELECT count() FROM {table}") == 4
    assert client.query(f"SELECT name FROM {table} WHERE id = 12").result_rows == [("it's",)]
    assert client.command("SELECT 1, 'two'") == ["1", "two"]
    assert client.command(f"SELECT id FROM {table} WHERE id = 99") == ""


def test_query_np_and_arrow(client: Client) -> None:
    matrix = client.query_np("SELECT number, number * 2 AS double FROM numbers(3)")
    assert matrix.tolist() == [(0, 0), (1, 2), (2, 4)] or matrix.tolist() == [
        [0, 0],
        [1, 2],
        [2, 4],
    ]
    arrow = client.query_arrow("SELECT number, 'ü' AS text FROM numbers(2)")
    assert arrow.to_pydict() == {"number": [0, 1], "text": ["ü", "ü"]}
    empty = client.query_arrow("SELECT number FROM numbers(0)")
    assert (empty.num_rows, empty.column_names) == (0, ["number"])


def test_replacing_rows_and_alterations(client: Client, table: str) -> None:
    for name in ("old", "new"):
        client.insert(table, [[1, name]], column_names=["id", "name"])
    assert client.command(f"SELECT name FROM {table} FINAL") == "new"
    client.command(f"ALTER TABLE {table} ADD COLUMN size UInt64 MATERIALIZED length(name)")
    client.command(f"ALTER TABLE {table} MODIFY SETTING deduplicate_merge_projection_mode = 'drop'")
    client.command(
        f"ALTER TABLE {table} ADD PROJECTION by_name (SELECT name, count() GROUP BY name)"
    )
    client.command(f"ALTER TABLE {table} MATERIALIZE PROJECTION by_name")
    assert client.query(f"SELECT size FROM {table} FINAL").result_rows == [(3,)]
    client.command(f"ALTER TABLE {table} DROP PROJECTION by_name")
    client.command(f"DELETE FROM {table} WHERE id = 1")
    assert client.query(f"SELECT * FROM {table}").result_rows == []


def test_settings_reach_the_engine(front: ClickHouseFront, client: Client) -> None:
    asked = client.query(
        "SELECT getSetting('max_threads'), getSetting('log_comment')",
        settings={"max_threads": 3, "log_comment": "it's said"},
    )
    assert asked.result_rows == [(3, "it's said")]
    assert front.queries()[-1].log_comment == "it's said"
    assert client.query("SELECT getSetting('log_comment')").result_rows == [("",)]


def test_unknown_setting(client: Client) -> None:
    client.params["no_such_setting"] = "1"
    assert failure(lambda: client.query("SELECT 1")).code == 115


def test_time_limit(client: Client) -> None:
    endless = "SELECT count() FROM numbers(1e13) WHERE NOT ignore(sipHash64(number))"
    error = failure(lambda: client.query(endless, settings={"max_execution_time": 0.2}))
    assert error.code == 159


def test_deduplication_token(client: Client) -> None:
    client.command(
        "CREATE TABLE once (id UInt64) ENGINE = MergeTree ORDER BY id"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    for token, rows in [("a", [[1]]), ("a", [[2]]), ("b", [[1]])]:
        client.insert("once", rows, ["id"], settings={"insert_deduplication_token": token})
    assert client.command("SELECT groupArray(id) FROM once") == "[1,1]"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT * FROM no_such_table", 60),
        ("SELECT no_such_column", 47),
        ("SELEKT 1", 62),
        ("1 + 1", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT throwIf(1)", 395),
        ("INSERT INTO no_such_table FORMAT TSV\n1\n", 60),
    ],
)
def test_errors_carry_the_servers_code(client: Client, statement: str, code: int) -> None:
    error = failure(lambda: client.command(statement))
    assert error.code == code
    assert f"Code: {code}. DB::Exception: " in str(error)


def test_row_that_the_client_cannot_write(client: Client, table: str) -> None:
    """The client ends such an insert with rubbish, to have it refused."""
    with pytest.raises(DataError):
        client.insert(table, [[1], ["no number"]], ["id"])
    assert client.command(f"SELECT count() FROM {table}") == 0


def test_failed_query_leaves_nothing_behind(client: Client) -> None:
    """On one connection chDB gives a failed query's first rows to the next query."""
    for _ in range(3):
        error = failure(lambda: client.query("SELECT throwIf(number = 3e5) FROM numbers(400000)"))
        assert error.code == 395
        assert client.query("SELECT 42").result_rows == [(42,)]


def test_bad_data_is_refused_whole(client: Client, table: str) -> None:
    lines = b"1\ta\nnot a number\tb\n"
    assert failure(lambda: client.raw_insert(table, ["id", "name"], lines, fmt="TSV")).code == 27
    assert client.command(f"SELECT count() FROM {table}") == 0


def test_concurrent_queries(
    front: ClickHouseFront, database: str, background: ThreadPoolExecutor
) -> None:
    def sleep(_: int) -> None:
        with connect(front, database) as client:
            client.query("SELECT sleep(0.05)", settings={"log_comment": "sleeper"})

    front.hold("sleeper")
    sleeping = [background.submit(sleep, n) for n in range(4)]
    assert len(front.wait_held(count=4)) == 4
    front.release()
    for sleeper in sleeping:
        sleeper.result(timeout=30)


def vectors() -> NDArray[np.float32]:
    matrix = np.random.default_rng(7).random((VECTORS, DIMENSIONS), dtype=np.float32)
    octets = matrix.view(np.uint8)
    octets[:, ::7], octets[:, 1::7] = ord(";"), ord("\n")  # what would end inline data
    return matrix


def as_arrow(matrix: NDArray[np.float32], kind: str) -> pa.Array:
    flat = pa.array(matrix.ravel())
    if kind == "fixed":
        return pa.FixedSizeListArray.from_arrays(flat, DIMENSIONS)
    offsets = np.arange(0, flat.__len__() + 1, DIMENSIONS, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), flat)


@pytest.mark.parametrize("kind", ["fixed", "list"])
def test_vectors_by_arrow(client: Client, kind: str) -> None:
    client.command(
        "CREATE TABLE vectors (id UInt64, vector Array(Float32) CODEC(NONE))"
        " ENGINE = MergeTree ORDER BY id"
    )
    matrix = vectors()
    ids = pa.array(np.arange(VECTORS, dtype=np.uint64))
    sent = pa.table({"id": ids, "vector": as_arrow(matrix, kind)})
    assert client.insert_arrow("vectors", sent).written_rows == VECTORS

    read = np.empty_like(matrix)
    filled = 0
    with client.query_arrow_stream("SELECT vector FROM vectors ORDER BY id") as batches:
        for batch in batches:
            column = batch.column(0)
            rows = column.flatten().to_numpy().reshape(-1, DIMENSIONS)
            read[filled : filled + len(rows)] = rows
            filled += len(rows)
    assert filled == VECTORS
    assert np.array_equal(read.view(np.uint8), matrix.view(np.uint8))


WRITER = """
import sys, clickhouse_connect
dsn, start = sys.argv[1], int(sys.argv[2])
client = clickhouse_connect.get_client(dsn=dsn, autogenerate_session_id=False)
for n in range(start, start + 10):
    row = str(n) + "\\twritten"
    client.raw_insert("items", ["id", "name"], row, {"log_comment": "writer"}, "TSV")
"""


def start_writer(front: ClickHouseFront, database: str, start: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, front.dsn(database), str(start)])


def test_two_processes_share_the_store(
    front: ClickHouseFront, client: Client, database: str, table: str
) -> None:
    writers = [start_writer(front, database, start) for start in (0, 100)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert client.command(f"SELECT count(), uniqExact(id) FROM {table}") == ["20", "20"]


def test_hold_release_and_records(
    front: ClickHouseFront, client: Client, table: str, background: ThreadPoolExecutor
) -> None:
    front.forget()
    front.hold("the third", "INSERT")
    comment = {"log_comment": "the third"}
    insert = background.submit(client.insert, table, [[3, "c"]], ["id", "name"], settings=comment)
    (held,) = front.wait_held()
    assert (held.log_comment, held.outcome) == ("the third", "running")
    assert client.command(f"SELECT count() FROM {table}") == 0
    assert not insert.done()
    front.release()
    assert insert.result(30).written_rows == 1
    (record,) = front.wait_executed("the third", "INSERT")
    assert (record.outcome, record.code, record.settings["log_comment"]) == (
        "ok",
        None,
        "the third",
    )
    assert record.sql.endswith(" FORMAT Native")
    assert front.dropped() == []


def test_hold_lets_the_first_ones_pass(
    front: ClickHouseFront, client: Client, table: str, background: ThreadPoolExecutor
) -> None:
    def insert_four() -> list[int]:
        return [client.insert(table, [[n]], ["id"]).written_rows for n in range(4)]

    front.hold("INSERT INTO", table, skip=2)
    inserts = background.submit(insert_four)
    front.wait_held()
    assert client.command(f"SELECT count() FROM {table}") == 2
    front.release()
    assert inserts.result(30) == [1, 1, 1, 1]


def test_held_query_of_a_killed_client(
    front: ClickHouseFront, client: Client, database: str, table: str
) -> None:
    front.forget()
    front.hold("writer", "INSERT")
    writer = start_writer(front, database, 0)
    front.wait_held(60)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    front.release()
    (dropped,) = front.wait_dropped()
    assert dropped.log_comment == "writer"
    assert client.command(f"SELECT count() FROM {table}") == 0


def test_orphans_may_be_kept(front: ClickHouseFront, client: Client, table: str) -> None:
    front.hold("orphan", keep_orphans=True)
    fields = {"user": front.user, "password": front.password, "database": client.database}
    connection = http.client.HTTPConnection(HOST, front.port)
    statement = f"INSERT INTO {table} (id, name) VALUES (1, 'orphan')"
    connection.request("POST", f"/?{urlencode(fields)}", statement)
    front.wait_held()
    connection.close()
    front.release()
    front.wait_executed("orphan")
    assert client.command(f"SELECT count() FROM {table}") == 1


def test_held_after_execution(
    front: ClickHouseFront, client: Client, database: str, table: str
) -> None:
    """Stored and not acknowledged: the client dies between the two."""
    front.hold("writer", "INSERT", when="after")
    writer = start_writer(front, database, 0)
    front.wait_held(60)
    writer.kill()
    writer.wait()
    front.release()
    assert client.command(f"SELECT count() FROM {table}") == 1


def test_cut_answer(front: ClickHouseFront, client: Client, background: ThreadPoolExecutor) -> None:
    """The client sends an insert again, unasked, when its connection closes unanswered."""
    client.command("CREATE TABLE twice (id UInt64) ENGINE = MergeTree ORDER BY id")
    front.forget()
    front.hold("INSERT", when="after")
    insert = background.submit(client.insert, "twice", [[1]], ["id"])
    front.wait_held()
    front.release(cut=True)
    assert insert.result(30).written_rows == 1
    assert client.command("SELECT count() FROM twice") == 2
    assert [query.outcome for query in front.wait_executed("INSERT")] == ["ok", "ok"]


def test_killed_front_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    front = ClickHouseFront(tmp_path / "store")
    front.start()
    try:
        with connect(front) as plain_client:
            database = create_database(plain_client)
        client = connect(front, database, query_retries=0)
        client.command("CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id")
        client.insert("kept", [[n] for n in range(1000)], ["id"])
        front.hold("SELECT 1 AS waiting")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.query, "SELECT 1 AS waiting")
            front.wait_held()
            front.kill()
            with pytest.raises(OperationalError):
                waiting.result(30)
        front.start()
        assert client.command("SELECT count() FROM kept") == 1000
        client.close()
    finally:
        front.stop()


def test_stop_drops_what_is_held(tmp_path: Path) -> None:
    with ClickHouseFront(tmp_path / "store") as front:
        client = connect(front, query_retries=0)
        front.hold("CREATE DATABASE")
        with ThreadPoolExecutor(1) as pool:
            creating = pool.submit(client.command, "CREATE DATABASE late ENGINE = Atomic")
            front.wait_held()
            assert front.stop() == 0
            with pytest.raises(OperationalError):
                creating.result(30)
        front.start()
        assert client.command("SELECT count() FROM system.databases WHERE name = 'late'") == 0
        client.close()


@pytest.mark.parametrize(
    ("sql", "named", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x00;\n", "Native", b"\x00;\n"),
        (b"insert into t (`format`, b) settings a = 'FORMAT x' format TSV\r\n1", "TSV", b"1"),
        (b"INSERT INTO t -- FORMAT no\n FORMAT CSV 1,2\n", "CSV", b"1,2\n"),
        (b"INSERT INTO t VALUES ('FORMAT CSV')", None, None),
        (b"INSERT INTO t SELECT 1 FORMAT CSV", None, None),
        (b"SELECT 'a; FORMAT b' /* ; */ FORMAT JSON", "JSON", None),
        (b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1;", "JSON", None),
        (b"SELECT format('{}', a) FROM t; -- done", None, None),
    ],
)
def test_statements(sql: bytes, named: str | None, data: bytes | None) -> None:
    statement = parse_statement(sql)
    assert (statement.format, statement.data) == (named, data)
