"""A fake of the OpenAI API on loopback, for clients that are the real ones.

    with FakeOpenAI() as fake:
        fake.answer_with(["Hello.", Say(calls=[Call("search", {"query": "x"})]), Fail(429)])
        client = openai.OpenAI(base_url=fake.url, api_key="anything")
        ...
        fake.requests[0].body["messages"]

It serves ``/v1/chat/completions`` and ``/v1/responses``, at once or streamed, and
``/v1/embeddings``. What it answers is a list, used up in order, or a function of the request;
without either, and after the list's end, chats get their own last message back and texts a
vector drawn from their digest. A function runs on the thread of its request: it may wait.
"""

from __future__ import annotations

import hashlib
import json
import select
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

from tests.support import openai_wire as wire
from tests.support.openai_wire import Call, Say

__all__ = [
    "Answer",
    "Call",
    "Changed",
    "Drop",
    "Fail",
    "FakeOpenAI",
    "Hang",
    "Raw",
    "Request",
    "Say",
    "Script",
    "Structured",
    "Vectors",
    "vector_of",
]

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """What a client sent.

    Attributes:
        path: without the query, such as ``/v1/chat/completions``.
        headers: names in small letters.
        body: the decoded JSON; None where there is none.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def texts(self) -> list[str]:
        """What is to be embedded, or the text of each message, in order."""
        if self.path.endswith("/embeddings"):
            given = self.body["input"]
            return [given] if isinstance(given, str) else list(given)
        return wire.texts_of(self.body)


@dataclass(frozen=True)
class Structured:
    """An object, given in the way that the request asks for: a tool's call, or JSON as text."""

    value: Mapping[str, Any]


@dataclass(frozen=True)
class Vectors:
    """An embedding for each text; ``order`` is how they stand in the answer."""

    rows: Sequence[Sequence[float]]
    order: Sequence[int] | None = None


@dataclass(frozen=True)
class Fail:
    """An error as the API words it; ``Fail(429, headers={"Retry-After": "1"})``."""

    status: int
    message: str = "something is wrong"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """These bytes, whatever they are."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Changed:
    """A good answer, but for these fields of a chat's frame: ``Changed(said, {"created": -1})``."""

    said: Say | Structured
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Hang:
    """No answer until the client has gone, or the fake is closed."""


@dataclass(frozen=True)
class Drop:
    """The connection ends without an answer, or after ``sent`` bytes of a good one."""

    sent: int = 0


Answer = str | Say | Structured | Changed | Vectors | Fail | Raw | Hang | Drop
Script = Callable[[Request], Answer | None] | Sequence[Answer]


class FakeOpenAI:
    """The server, for as long as the context lasts.

    Attributes:
        requests: what came in so far, in order of arrival.
        most_at_once: of requests that were being answered at the same time.
    """

    def __init__(self, *, dimensions: int = 8) -> None:
        self.requests: list[Request] = []
        self.most_at_once = 0
        self.dimensions = dimensions
        self._script: Script = ()
        self._used = self._at_once = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = _Server(self)

    @property
    def url(self) -> str:
        """The API's base, which ends in ``/v1``."""
        return f"http://{HOST}:{self._server.server_port}/v1"

    def answer_with(self, script: Script) -> None:
        """Answer from here on with these, or with what the function says.

        A function that returns None leaves the answer to the fake.
        """
        with self._lock:
            self._script, self._used = script, 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def begin(self, request: Request) -> Answer:
        """Note a request, and say what becomes of it; ``end`` must follow."""
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            script = self._script
            answer = None if callable(script) else self._next(script)
        if callable(script):
            answer = script(request)
        return self._default(request) if answer is None else answer

    def end(self) -> None:
        with self._lock:
            self._at_once -= 1

    def wait_closed(self, seconds: float) -> bool:
        return self._closed.wait(seconds)

    def _next(self, script: Sequence[Answer]) -> Answer | None:
        if self._used >= len(script):
            return None
        self._used += 1
        return script[self._used - 1]

    def _default(self, request: Request) -> Answer:
        if request.path.endswith("/embeddings"):
            return Vectors([vector_of(text, self.dimensions) for text in request.texts])
        return Say(f"You said: {(request.texts or [''])[-1]}")


def vector_of(text: str, dimensions: int) -> list[float]:
    """What a text's embedding is where the script gives none: numbers from -1 to 1."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(2 * dimensions)
    return [number / 32768 for number in struct.unpack(f"<{dimensions}h", digest)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A test ends without waiting for clients that keep their connection open.
    block_on_close = False

    def __init__(self, fake: FakeOpenAI) -> None:
        super().__init__((HOST, 0), _Handler)
        self.fake = fake

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave in the middle of an answer are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Answers are small: waiting to fill a packet would only take time.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._fail(Fail(404, f"there is no {self.path} here"))

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            "POST",
            urlsplit(self.path).path,
            {name.lower(): value for name, value in self.headers.items()},
            json.loads(raw) if raw else None,
        )
        fake = cast("_Server", self.server).fake
        try:
            self._give(fake.begin(request), request)
        finally:
            fake.end()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written."""

    def _give(self, answer: Answer, request: Request) -> None:
        match answer:
            case Hang():
                self._wait_until_gone()
            case Drop():
                self._drop(answer, request)
            case Fail():
                self._fail(answer)
            case Raw():
                self._send(answer.body, answer.status, answer.headers)
            case Changed():
                said = _said(answer.said, request)
                self._send_json({**wire.chat(request.body, said), **answer.fields})
            case _:
                self._good(answer, request)

    def _good(self, answer: str | Say | Structured | Vectors, request: Request) -> None:
        if isinstance(answer, Vectors):
            self._send_json(wire.embeddings(request.body, _placed(answer)))
            return
        said = _said(Say(answer) if isinstance(answer, str) else answer, request)
        endpoint = wire.ENDPOINTS.get(request.path)
        if endpoint is None:
            self._fail(Fail(404, f"there is no {request.path} here"))
        elif request.body.get("stream"):
            self._stream(endpoint.stream(request.body, said))
        else:
            self._send_json(endpoint.whole(request.body, said))

    def _fail(self, answer: Fail) -> None:
        error = {"message": answer.message, "type": "fake_error", "param": None}
        self._send_json({"error": {**error, "code": answer.code}}, answer.status, answer.headers)

    def _send_json(
        self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self._send(json.dumps(value).encode(), status, headers or {})

    def _send(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in events:
            self.wfile.write(event.encode())

    def _drop(self, answer: Drop, request: Request) -> None:
        self.close_connection = True
        if answer.sent:
            body = json.dumps(wire.chat(request.body or {}, Say("cut off"))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: answer.sent])

    def _wait_until_gone(self) -> None:
        self.close_connection = True
        fake = cast("_Server", self.server).fake
        while not fake.wait_closed(0.01):
            if select.select([self.connection], [], [], 0)[0]:
                return  # nothing more is due from the client: it has closed


def _said(answer: Say | Structured, request: Request) -> Say:
    return wire.structured(request.body, answer.value) if isinstance(answer, Structured) else answer


def _placed(answer: Vectors) -> list[tuple[int, Sequence[float]]]:
    order = range(len(answer.rows)) if answer.order is None else answer.order
    return [(index, answer.rows[index]) for index in order]
