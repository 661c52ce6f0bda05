"""A test front, not a ClickHouse server: chDB behind enough of ClickHouse's HTTP interface.

A chDB folder belongs to one process. Tests that need several processes on one store run this
module in a process of its own and reach it with the ordinary ``clickhouse-connect`` client::

    with ClickHouseFront(tmp_path / "store") as front:
        client = clickhouse_connect.get_client(
            dsn=front.dsn("my_database"), autogenerate_session_id=False
        )

Where chDB is more lenient than a server, the front is as strict as a server: one statement in a
request, no implicit SELECT, GET is read-only, nothing set in one request is seen by the next.

What it does not do: sessions, users beyond one, roles, external tables, cancelling a query when
its client leaves, answers that stream (each one is complete before it is sent, as with
``wait_end_of_query``), asynchronous inserts (chDB inserts synchronously whatever is asked).
"""

import argparse
import base64
import binascii
import gzip
import http.client
import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import lz4.frame  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

When = Literal["before", "after"]
Outcome = Literal["running", "ok", "error", "dropped"]

HOST = "127.0.0.1"
DEFAULT_FORMAT = "TabSeparated"
CONTROL_PREFIX = "/__control/"


# --------------------------------------------------------------------------------------------
# Errors, as a server words and numbers them
# --------------------------------------------------------------------------------------------

SYNTAX_ERROR, NOT_IMPLEMENTED, UNKNOWN_COMPRESSION, AUTHENTICATION_FAILED = 62, 48, 89, 516
UNKNOWN_SETTING, BAD_ARGUMENTS, CANNOT_DECOMPRESS = 115, 36, 271

HTTP_STATUS_OF_CODE: dict[int, int] = {
    **dict.fromkeys((6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167), 400),
    **dict.fromkeys((168, 223, 321, 376, 427, 441, 675, 676), 400),
    194: 401,
    **dict.fromkeys((192, 193, 497, 512, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511), 404),
    159: 408,
    381: 411,
    229: 413,
    779: 415,
    48: 501,
    **dict.fromkeys((76, 209, 439), 503),
}


class FrontError(Exception):
    """An error to answer with: ClickHouse's number and text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        return HTTP_STATUS_OF_CODE.get(self.code, 500)


def raised_here(code: int, text: str, name: str) -> FrontError:
    return FrontError(code, f"Code: {code}. DB::Exception: {text}. ({name})")


def from_engine(error: RuntimeError) -> FrontError:
    """The engine's error; anything that does not come from the engine is raised again."""
    found = re.search(r"Code: (\d+)\..*", str(error), re.DOTALL)
    if found is None:
        raise error
    message = re.sub(r"\s*\(version [^()]*(\([^()]*\))?\)\s*$", "", found.group(0))
    return FrontError(int(found.group(1)), message)


# --------------------------------------------------------------------------------------------
# Statements
# --------------------------------------------------------------------------------------------

TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)
      | (?P<quoted>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`\\]|\\.|``)*`
                 | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<word>\w+)
      | (?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
DATA_START = re.compile(rb"[ \t\f]*\r?\n?")
ANSWERING = frozenset(
    [
        "SELECT",
        "WITH",
        "FROM",
        "(",
        "SHOW",
        "DESCRIBE",
        "DESC",
        "EXISTS",
        "EXPLAIN",
        "CHECK",
        "KILL",
    ]
)


@dataclass(frozen=True)
class Statement:
    """One request's statement; ``data`` is the body of an INSERT … FORMAT …."""

    sql: bytes
    answers: bool
    format: str | None = None
    data: bytes | None = None

    @property
    def text(self) -> str:
        """The statement without its data, as records and holds see it."""
        suffix = f" FORMAT {self.format}" if self.data is not None else ""
        return self.sql.decode(errors="replace").strip() + suffix


def tokens(sql: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Each token's upper-case text ('' if quoted), the depth of brackets, its start and end."""
    depth = 0
    for found in TOKEN.finditer(sql):
        if found.lastgroup == "skip":
            continue
        word, other = found["word"], found["other"]
        depth -= other in (b")", b"]", b"}")
        text = (word or other or b"").decode(errors="replace").upper()
        yield text, depth, found.start(), found.end()
        depth += other in (b"(", b"[", b"{")


def parse_insert(request: bytes) -> Statement | None:
    """An INSERT that carries data in a named format; None for any other statement."""
    format_at: int | None = None
    for text, depth, start, end in tokens(request):
        if format_at is not None:
            data_at = DATA_START.match(request, end)
            data = request[data_at.end() if data_at else end :]
            return Statement(request[:format_at], False, request[start:end].decode(), data)
        if depth == 0 and text in ("SELECT", "WITH", "VALUES", "INFILE"):
            return None
        if depth == 0 and text == "FORMAT":
            format_at = start
    return None


def parse_statement(request: bytes) -> Statement:
    first = next((text for text, *_ in tokens(request)), "")
    if first == "INSERT":
        return parse_insert(request) or Statement(request, False)
    return parse_other(request, first)


def parse_other(request: bytes, first: str) -> Statement:
    named: str | None = None
    before = ""
    ended = False
    for text, depth, start, end in tokens(request):
        if ended and text != ";":
            raise raised_here(
                SYNTAX_ERROR,
                "Syntax error (Multi-statements are not allowed): "
                f"failed at position {start + 1}: {text}",
                "SYNTAX_ERROR",
            )
        if before == "FORMAT" and depth == 0 and text.isalnum():
            named = request[start:end].decode()
        before = text if depth == 0 else ""
        ended = depth == 0 and text == ";"
    answers = first in ANSWERING
    return Statement(request, answers, named if answers else None)


# --------------------------------------------------------------------------------------------
# The engine
# --------------------------------------------------------------------------------------------

TRANSPORT_FIELDS = frozenset(
    {
        "query", "database", "default_format", "user", "password", "quota_key", "query_id",
        "session_id", "session_timeout", "session_check", "close_session", "role", "stacktrace",
        "compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version",
    }
)  # fmt: skip
SETTING_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Answer:
    body: bytes
    format: str | None
    summary: dict[str, str]


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quoted_name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def settings_of(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields a server would take for settings."""
    settings = {
        name: value
        for name, value in fields.items()
        if name not in TRANSPORT_FIELDS and not name.startswith("param_")
    }
    for name in settings:
        if not SETTING_NAME.fullmatch(name):
            raise raised_here(UNKNOWN_SETTING, f"Unknown setting {quoted(name)}", "UNKNOWN_SETTING")
    return settings


class Engine:
    """One chDB folder. Every request has a connection of its own, so nothing set leaks."""

    def __init__(self, path: Path) -> None:
        # Imported here: a process that only starts a front must not load the engine.
        import chdb

        self._connect: Any = vars(chdb)["connect"]
        self._path = str(path)
        self._kept_open = self._connect(self._path)
        first_row = self._kept_open.query("SELECT version(), timezone()", DEFAULT_FORMAT).bytes()
        self.version, self.timezone = first_row.decode().strip().split("\t")

    def close(self) -> None:
        self._kept_open.close()

    def run(self, statement: Statement, fields: Mapping[str, str], *, read_only: bool) -> Answer:
        connection = self._connect(self._path)
        try:
            prepare(connection, fields, read_only=read_only)
            if statement.data is None:
                return execute(connection, statement, fields)
            return insert(connection, statement, statement.data, fields)
        except RuntimeError as error:  # ChdbError is one; streaming inserts raise it bare
            raise from_engine(error) from error
        finally:
            connection.close()


def prepare(connection: Any, fields: Mapping[str, str], *, read_only: bool) -> None:
    if fields.get("database"):
        connection.query(f"USE {quoted_name(fields['database'])}", DEFAULT_FORMAT)
    settings = {"implicit_select": "0", **settings_of(fields)}
    if read_only:
        settings["readonly"] = "2"
    assignments = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
    connection.query(f"SET {assignments}", DEFAULT_FORMAT)


def parameters_of(fields: Mapping[str, str]) -> dict[str, str]:
    prefix = "param_"
    return {k.removeprefix(prefix): v for k, v in fields.items() if k.startswith(prefix)}


def execute(connection: Any, statement: Statement, fields: Mapping[str, str]) -> Answer:
    default_format = fields.get("default_format") or DEFAULT_FORMAT
    result = connection.query(statement.sql, default_format, params=parameters_of(fields))
    summary = {
        "read_rows": result.storage_rows_read(),
        "read_bytes": result.storage_bytes_read(),
        "written_rows": result.rows_written(),
        "written_bytes": result.bytes_written(),
        "result_rows": result.rows_read(),
        "result_bytes": result.bytes_read(),
        "elapsed_ns": int(result.elapsed() * 1e9),
    }
    answer_format = (statement.format or default_format) if statement.answers else None
    return Answer(result.bytes(), answer_format, {k: str(v) for k, v in summary.items()})


def insert(connection: Any, statement: Statement, data: bytes, fields: Mapping[str, str]) -> Answer:
    """Data never goes through the parser: chDB would end it at the first ';' before a newline."""
    parameters = parameters_of(fields)
    if parameters:
        pairs = (f"param_{name} = {quoted(value)}" for name, value in parameters.items())
        connection.query(f"SET {', '.join(pairs)}", DEFAULT_FORMAT)
    with connection.send_insert(statement.sql.decode(), statement.format) as stream:
        if data:
            stream.append(data)
        done = stream.finish()
    summary = {
        "written_rows": str(done.rows_written),
        "written_bytes": str(done.bytes_written),
        "elapsed_ns": str(int(done.elapsed * 1e9)),
    }
    return Answer(b"", None, summary)


# --------------------------------------------------------------------------------------------
# Control: what ran, and holding queries
# --------------------------------------------------------------------------------------------


@dataclass
class QueryRecord:
    """A query as the front saw it. An INSERT's data is not kept."""

    sql: str
    log_comment: str
    database: str
    settings: dict[str, str] = field(default_factory=dict)
    outcome: Outcome = "running"
    code: int | None = None


@dataclass
class Hold:
    """Blocks the queries that contain the texts, after letting ``skip`` of them pass."""

    texts: tuple[str, ...]
    when: When = "before"
    skip: int = 0
    keep_orphans: bool = False

    def takes(self, record: QueryRecord, when: When) -> bool:
        if when != self.when or not self.matches(record):
            return False
        self.skip -= 1
        return self.skip < 0

    def matches(self, record: QueryRecord) -> bool:
        return all(text in record.sql or text in record.log_comment for text in self.texts)


class Control:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holds: list[Hold] = []
        self._held: list[QueryRecord] = []
        self._records: list[QueryRecord] = []
        self._releases = 0
        self._active = 0
        self._cut = False

    def enter(self, record: QueryRecord, connected: Callable[[], bool]) -> bool:
        """Whether to execute the query, after holding it for as long as asked."""
        execute = self._pass(record, "before", connected)
        with self._changed:
            self._records.append(record)
            self._active += execute
            if not execute:
                record.outcome = "dropped"
        return execute

    def leave(self, record: QueryRecord, code: int | None, connected: Callable[[], bool]) -> bool:
        """Whether to answer the executed query, after holding it for as long as asked."""
        record.code, record.outcome = code, "ok" if code is None else "error"
        answer = self._pass(record, "after", connected)
        with self._changed:
            self._active -= 1
            self._changed.notify_all()
        return answer

    def _pass(self, record: QueryRecord, when: When, connected: Callable[[], bool]) -> bool:
        with self._changed:
            hold = next((h for h in self._holds if h.takes(record, when)), None)
            if hold is None:
                return True
            seen = self._releases
            self._held.append(record)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._releases != seen)
            self._held.remove(record)
            return not self._cut and (hold.keep_orphans or connected())

    def hold(self, hold: Hold) -> None:
        with self._changed:
            self._holds.append(hold)

    def release(self, *, cut: bool = False) -> None:
        with self._changed:
            self._cut = cut
            self._holds.clear()
            self._releases += 1
            self._changed.notify_all()

    def held(self, count: int, timeout: float) -> list[QueryRecord]:
        with self._changed:
            self._changed.wait_for(lambda: len(self._held) >= count, timeout)
            return list(self._held)

    def records(self) -> list[QueryRecord]:
        with self._changed:
            return list(self._records)

    def forget(self) -> None:
        with self._changed:
            self._records = [r for r in self._records if r.outcome == "running"]

    def close(self, timeout: float) -> bool:
        """Drops what is held and waits for what runs."""
        self.release(cut=True)
        with self._changed:
            return self._changed.wait_for(lambda: self._active == 0, timeout)


# --------------------------------------------------------------------------------------------
# HTTP
# --------------------------------------------------------------------------------------------


def decompress(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    decoder = DECODERS.get(encoding)
    if decoder is None:
        reason = f"Unknown compression method: {encoding}"
        raise raised_here(UNKNOWN_COMPRESSION, reason, "UNKNOWN_COMPRESSION_METHOD")
    try:
        return decoder(body)
    except (RuntimeError, EOFError, OSError, zlib.error, zstd.ZstdError) as error:
        raise raised_here(CANNOT_DECOMPRESS, str(error), "CANNOT_DECOMPRESS") from error


def lz4_frames(body: bytes) -> bytes:
    """The client sends one frame per block."""
    parts: list[bytes] = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        parts.append(frame.decompress(body))
        body = frame.unused_data or b""
    return b"".join(parts)


DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": zstd.decompress,
    "lz4": lz4_frames,
}


def compress(body: bytes, accepted: str) -> tuple[bytes, str | None]:
    """The body in the first encoding a server would choose among the accepted ones."""
    names = {part.split(";")[0].strip() for part in accepted.split(",")}
    if "lz4" in names:
        return lz4.frame.compress(body), "lz4"
    if "zstd" in names:
        return zstd.compress(body), "zstd"
    if "gzip" in names:
        return gzip.compress(body, 1), "gzip"
    return body, None


def form_fields(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a multipart/form-data body. Files are external tables: not supported."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    if found is None:
        raise raised_here(BAD_ARGUMENTS, "No boundary in a multipart request", "BAD_ARGUMENTS")
    fields: dict[str, str] = {}
    for part in body.split(b"--" + found.group(1).encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'\bname="([^"]*)"', head)
        if name is None or b"filename=" in head:
            raise raised_here(NOT_IMPLEMENTED, "No external tables here", "NOT_IMPLEMENTED")
        fields[unquote(name.group(1).decode())] = value.removesuffix(b"\r\n").decode()
    return fields


class FrontServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, engine: Engine, user: str, password: str) -> None:
        super().__init__((HOST, port), Handler)
        self.engine = engine
        self.user = user
        self.password = password
        self.control = Control()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is what these tests are about; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "clickhouse-test-front"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: FrontServer

    def do_GET(self) -> None:
        self._dispatch()

    def do_POST(self) -> None:
        self._dispatch()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the records are the log."""

    def _dispatch(self) -> None:
        body = self._read_body()
        split = urlsplit(self.path)
        fields = dict(parse_qsl(split.query, keep_blank_values=True))
        if split.path == "/ping":
            self._send(200, b"Ok.\n", {})
        elif split.path.startswith(CONTROL_PREFIX):
            self._control(split.path.removeprefix(CONTROL_PREFIX), fields)
        else:
            self._answer(fields, body)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._read_exactly(int(self.headers.get("Content-Length") or 0))
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self._read_exactly(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _read_exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionAbortedError("the client left within its request")
        return data

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    # Queries

    def _answer(self, fields: dict[str, str], body: bytes) -> None:
        headers = {"X-ClickHouse-Query-Id": fields.get("query_id") or str(uuid.uuid4())}
        try:
            self._authenticate(fields)
            request = self._request(fields, body)
            answer = self._run(parse_statement(request), fields) if request.strip() else None
        except FrontError as error:
            headers["X-ClickHouse-Exception-Code"] = str(error.code)
            text = f"{error.message} (version {self.server.engine.version})\n"
            self._send(error.status, text.encode(), headers)
            return
        if answer is None:
            self._send(200, b"Ok.\n", headers)
        elif isinstance(answer, Answer):
            self._send_answer(answer, fields, headers)

    def _request(self, fields: dict[str, str], body: bytes) -> bytes:
        """The statement (and its data): the query field, then the body."""
        body = decompress(body, self.headers.get("Content-Encoding", ""))
        content_type = self.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            fields.update(form_fields(body, content_type))
            body = b""
        query = fields.get("query", "").encode()
        return query + b"\n" + body if query and body else query or body

    def _run(self, statement: Statement, fields: Mapping[str, str]) -> "Answer | Dropped":
        settings = settings_of(fields)
        record = QueryRecord(
            statement.text, settings.get("log_comment", ""), fields.get("database", ""), settings
        )
        control = self.server.control
        if not control.enter(record, self._connected):
            return self._drop()
        code: int | None = None
        try:
            answer = self.server.engine.run(statement, fields, read_only=self.command == "GET")
        except FrontError as error:
            code = error.code
            raise
        finally:
            answering = control.leave(record, code, self._connected)
        return answer if answering else self._drop()

    def _drop(self) -> "Dropped":
        self.close_connection = True
        return Dropped()

    def _send_answer(
        self, answer: Answer, fields: Mapping[str, str], headers: dict[str, str]
    ) -> None:
        headers["X-ClickHouse-Summary"] = json.dumps(answer.summary)
        headers["X-ClickHouse-Timezone"] = self.server.engine.timezone
        headers["Content-Type"] = "application/octet-stream"
        if answer.format is not None:
            headers["X-ClickHouse-Format"] = answer.format
        body, encoding = answer.body, None
        if fields.get("enable_http_compression") == "1":
            body, encoding = compress(body, self.headers.get("Accept-Encoding", ""))
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        self._send(200, body, headers)

    def _connected(self) -> bool:
        """Whether the client is still there: a closed socket is readable, and empty."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if not readable:
            return True
        try:
            return len(self.connection.recv(1, socket.MSG_PEEK)) > 0
        except ConnectionError:
            return False

    def _authenticate(self, fields: Mapping[str, str]) -> None:
        user, password = self._credentials(fields)
        if (user, password) != (self.server.user, self.server.password):
            reason = "password is incorrect, or there is no user with such name"
            raise raised_here(
                AUTHENTICATION_FAILED,
                f"{user}: Authentication failed: {reason}",
                "AUTHENTICATION_FAILED",
            )

    def _credentials(self, fields: Mapping[str, str]) -> tuple[str, str]:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(encoded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            return user, password
        user = self._header("X-ClickHouse-User") or fields.get("user") or "default"
        return user, self._header("X-ClickHouse-Key") or fields.get("password") or ""

    def _header(self, name: str) -> str:
        """A header as UTF-8; the standard library reads headers as Latin-1."""
        return cast("str", self.headers.get(name, "")).encode("latin-1").decode()

    # Control

    def _control(self, action: str, fields: Mapping[str, str]) -> None:
        control = self.server.control
        answer: list[QueryRecord] = []
        if action == "hold":
            control.hold(
                Hold(
                    texts=tuple(json.loads(fields["texts"])),
                    when=cast("When", fields["when"]),
                    skip=int(fields["skip"]),
                    keep_orphans=fields["keep_orphans"] == "1",
                )
            )
        elif action == "release":
            control.release(cut=fields["cut"] == "1")
        elif action == "held":
            answer = control.held(int(fields["count"]), float(fields["timeout"]))
        elif action == "forget":
            control.forget()
        elif action == "queries":
            answer = control.records()
        else:
            self._send(404, b"", {})
            return
        text = json.dumps([asdict(record) for record in answer])
        self._send(200, text.encode(), {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Dropped:
    """No answer: the connection closes."""


def serve(path: Path, port: int, user: str, password: str, *, watch_stdin: bool) -> None:
    path.mkdir(parents=True, exist_ok=True)
    engine = Engine(path)
    server = FrontServer(port, engine, user, password)

    def shut_down(*_: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, shut_down)
    signal.signal(signal.SIGINT, shut_down)
    if watch_stdin:
        threading.Thread(target=call_at_eof, args=(shut_down,), daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    idle = server.control.close(timeout=30)
    engine.close()
    if not idle:
        os._exit(1)


def call_at_eof(callback: Callable[[], None]) -> None:
    """The parent's end of stdin closes with it, however it ends."""
    while os.read(0, 1024):
        pass
    callback()


def main() -> None:
    parser = argparse.ArgumentParser(description="A test front over chDB, not a ClickHouse server.")
    parser.add_argument("--path", type=Path, required=True, help="the chDB folder")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--user", default="default")
    parser.add_argument("--password", default="")
    parser.add_argument("--watch-stdin", action="store_true", help="end when stdin closes")
    options = parser.parse_args()
    serve(
        options.path,
        options.port,
        options.user,
        options.password,
        watch_stdin=options.watch_stdin,
    )


# --------------------------------------------------------------------------------------------
# For tests
# --------------------------------------------------------------------------------------------


class ClickHouseFront:
    """Runs a front on a chDB folder, in a process of its own, and controls it.

    The port is kept over ``stop``/``kill`` and ``start``, so a DSN stays good after a restart.
    Records and holds live in the front's process and end with it.
    """

    def __init__(
        self, path: Path, *, port: int = 0, user: str = "default", password: str = "front"
    ) -> None:
        self.path = path
        self.port = port
        self.user = user
        self.password = password
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the front is not running")
        return self._process.pid

    def dsn(self, database: str = "default") -> str:
        """For ``clickhouse_connect.get_client(dsn=…, autogenerate_session_id=False)``."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"http://{login}@{HOST}:{self.port}/{quote(database, safe='')}"

    def start(self, timeout: float = 60.0) -> Self:
        if self._process is not None:
            raise RuntimeError("the front is running already")
        command = [sys.executable, "-m", "tests.support.clickhouse_front", "--watch-stdin"]
        command += ["--path", str(self.path.absolute()), "--port", str(self.port)]
        command += ["--user", self.user, "--password", self.password]
        self._process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            self.port = self._read_port(self._process, timeout)
        except BaseException:
            self.kill()
            raise
        return self

    @staticmethod
    def _read_port(process: subprocess.Popen[bytes], timeout: float) -> int:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], timeout)
        line = process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError(f"the front did not start: {shlex.join(map(str, process.args))}")  # type: ignore[arg-type]
        return int(json.loads(line)["port"])

    def stop(self, timeout: float = 60.0) -> int | None:
        """SIGTERM: what is held is dropped, what runs ends. The exit code, if it was running."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._forget_process()

    def kill(self) -> None:
        """kill -9."""
        if self._process is None:
            return
        self._process.kill()
        self._forget_process()

    def _forget_process(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def hold(
        self, *texts: str, when: When = "before", skip: int = 0, keep_orphans: bool = False
    ) -> None:
        """Makes queries wait whose SQL or ``log_comment`` contains each text, until ``release``.

        ``when="after"`` holds a query that has been executed and not answered yet. The first
        ``skip`` such queries pass. A query whose client has gone by the time of the release is
        not executed, unless ``keep_orphans``. The client's ``insert`` asks for the table's
        columns first, with the same settings: ``hold("my comment", "INSERT")`` tells them apart.
        """
        self._ask(
            "hold",
            texts=json.dumps(texts),
            when=when,
            skip=str(skip),
            keep_orphans=str(int(keep_orphans)),
        )

    def release(self, *, cut: bool = False) -> None:
        """Ends every hold. ``cut`` closes the held queries' connections instead of going on."""
        self._ask("release", cut=str(int(cut)))

    def wait_held(self, timeout: float = 30.0, *, count: int = 1) -> list[QueryRecord]:
        """The queries that wait, once there are ``count`` of them."""
        held = self._ask("held", count=str(count), timeout=str(timeout))
        if len(held) < count:
            raise TimeoutError(f"{len(held)} of {count} queries are held after {timeout} s")
        return held

    def queries(self) -> list[QueryRecord]:
        """What was executed so far, in order; what was dropped is not among it."""
        return [record for record in self._ask("queries") if record.outcome != "dropped"]

    def dropped(self) -> list[QueryRecord]:
        """What was held and then not executed: its client had gone, or it was cut."""
        return [record for record in self._ask("queries") if record.outcome == "dropped"]

    def wait_dropped(self, timeout: float = 30.0, *, count: int = 1) -> list[QueryRecord]:
        return wait_for_records(self.dropped, timeout, count)

    def wait_executed(
        self, *texts: str, timeout: float = 30.0, count: int = 1
    ) -> list[QueryRecord]:
        """The queries with each text in SQL or ``log_comment``, once ``count`` have ended."""
        hold = Hold(texts)
        return wait_for_records(
            lambda: [q for q in self.queries() if hold.matches(q) and q.outcome != "running"],
            timeout,
            count,
        )

    def forget(self) -> None:
        """Empties the records of ``queries`` and ``dropped``."""
        self._ask("forget")

    def _ask(self, action: str, **fields: str) -> list[QueryRecord]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=120)
        try:
            connection.request("POST", f"{CONTROL_PREFIX}{action}?{urlencode(fields)}")
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"the front answered {response.status} to {action}")
        return [QueryRecord(**row) for row in json.loads(body)]


def wait_for_records(
    records: Callable[[], list[QueryRecord]], timeout: float, count: int
) -> list[QueryRecord]:
    deadline = time.monotonic() + timeout
    while len(found := records()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(found)} of {count} queries after {timeout} s")
        time.sleep(0.02)
    return found


if __name__ == "__main__":
    main()
