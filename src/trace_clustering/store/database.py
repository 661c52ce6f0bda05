"""The connection to ClickHouse: embedded or a server, the same calls.

Knows no table. Every statement is sent with bound parameters and carries a ``log_comment``
that says for what it runs, so that it can be found in a server's ``query_log``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from filelock import FileLock, Timeout
from urllib3.exceptions import HTTPError

from trace_clustering.errors import StoreError, StoreLockedError, StoreRefusedError

DEFAULT_DATABASE = "trace_clustering"

# Codes of refusals that no retry heals: wrong statements, missing objects, no access.
_REFUSALS = frozenset({36, 42, 43, 46, 47, 53, 60, 62, 81, 115, 164, 184, 192, 194, 497, 516})

_comment: ContextVar[str] = ContextVar("log_comment", default="")


@contextmanager
def labelled(comment: str) -> Iterator[None]:
    """Statements inside carry this ``log_comment``."""
    token = _comment.set(comment)
    try:
        yield
    finally:
        _comment.reset(token)


class Database:
    """One database of one ClickHouse, used from many threads: each call leases a client.

    Raises:
        StoreLockedError: the embedded folder is open in another process.
        StoreError: it cannot be reached.
    """

    def __init__(self, dsn: str) -> None:
        self.is_embedded = dsn.startswith("chdb:")
        self.name = DEFAULT_DATABASE if self.is_embedded else _database_of(dsn)
        self._dsn = dsn if self.is_embedded else _without_path(dsn)
        self._idle: list[Client] = []
        self._lock = threading.Lock()
        self._folder_lock = self._lock_folder() if self.is_embedded else None
        with _translated():
            # The embedded engine ends with its last client: this one stays until close().
            self._first = self._open(None)
            self._create_database()

    def select(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """Run a query; one dict a row."""
        with self._leased() as client:
            result = client.query(sql, parameters=parameters, settings=_settings())
            return list(result.named_results())

    def arrow_batches(self, sql: str, /, **parameters: Any) -> Iterator[pa.RecordBatch]:
        """Run a query; its rows come as Arrow record batches while they are read."""
        with (
            self._leased() as client,
            client.query_arrow_stream(
                sql, parameters=parameters, settings=_settings(), use_strings=True
            ) as stream,
        ):
            yield from stream

    def execute(self, sql: str, /, **parameters: Any) -> None:
        """Run a statement that returns nothing."""
        with self._leased() as client:
            client.command(sql, parameters=parameters, settings=_settings())

    def insert(self, table: str, rows: pa.Table, *, token: str | None = None) -> None:
        """Insert rows; the same ``token`` again is dropped by tables that remember tokens.

        Without a token every row is stored, also those of a batch that is equal to another.
        """
        # A server's default would queue the rows; ours are batches already. And it would refuse
        # those of many months, which an old export may hold.
        settings = _settings() | {"async_insert": 0, "max_partitions_per_insert_block": 0}
        if token is None:
            settings["insert_deduplicate"] = 0
        else:
            settings["insert_deduplication_token"] = token
        with self._leased() as client:
            client.insert_arrow(table, rows, database=self.name, settings=settings)

    def close(self) -> None:
        """Close all clients; the embedded folder is free for another process afterwards."""
        with self._lock:
            clients, self._idle = [*self._idle, self._first], []
        for client in clients:
            client.close()
        if self._folder_lock is not None:
            self._folder_lock.release()

    @property
    def _folder(self) -> Path:
        return Path(self._dsn.removeprefix("chdb://"))

    def _lock_folder(self) -> FileLock:
        """Refuse a folder that another process has open, before the engine would."""
        folder = self._folder
        if "?" in str(folder):
            raise StoreError(f"{folder}: the embedded engine takes no folder with a ? in its path")
        try:
            # Conversations of other people lie in it.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}") from error
        lock = FileLock(f"{folder}.lock", timeout=0, is_singleton=True, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise StoreLockedError(
                f"{folder}: another process has this data folder open; is a service running "
                "on it? Otherwise set another --data-dir"
            ) from None
        return lock

    def _create_database(self) -> None:
        found = self._first.query(
            "SELECT name FROM system.databases WHERE name = {name:String}",
            parameters={"name": self.name},
        ).result_rows
        if not found:
            # chDB's own default engine is an overlay that forgets tables.
            engine = " ENGINE = Atomic" if self.is_embedded else ""
            self._first.command(f"CREATE DATABASE IF NOT EXISTS `{self.name}`{engine}")

    def _open(self, database: str | None) -> Client:
        if self.is_embedded:
            # Not as a URL, in which a # or a % of the path would mean something else.
            return clickhouse_connect.get_client(
                interface="chdb", path=str(self._folder), database=database
            )
        # Threads that share a session would be refused by the server.
        return clickhouse_connect.get_client(
            dsn=self._dsn, database=database, autogenerate_session_id=False
        )

    @contextmanager
    def _leased(self) -> Iterator[Client]:
        with _translated():
            with self._lock:
                client = self._idle.pop() if self._idle else None
            client = client or self._open(self.name)
            try:
                yield client
            except BaseException:
                # chDB hands what a failed query left over to the next one on its connection.
                client.close()
                raise
            with self._lock:
                self._idle.append(client)


def table(columns: Mapping[str, tuple[object, pa.DataType]]) -> pa.Table:
    """Build an Arrow table from name → (values, type)."""
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})


def _settings() -> dict[str, Any]:
    comment = _comment.get()
    return {"log_comment": comment} if comment else {}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, HTTPError, pa.ArrowException, OSError) as error:
        message = str(error)
        code = getattr(error, "code", None)
        kind = StoreRefusedError if code in _REFUSALS else StoreError
        raise kind(f"ClickHouse: {_first_sentence(message)}") from error


def _first_sentence(message: str) -> str:
    return message.strip().partition("\n")[0][:500]


def _database_of(dsn: str) -> str:
    return urlsplit(dsn).path.strip("/") or DEFAULT_DATABASE


def _without_path(dsn: str) -> str:
    return urlsplit(dsn)._replace(path="").geturl()
