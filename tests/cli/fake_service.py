"""The HTTP API as its clients see it: takes lines down, and answers as it was told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from trace_clustering.cli.client import ApiClient

MOMENT = "2026-11-20T12:00:00Z"


@dataclass
class FakeService:
    """A service behind a transport.

    Attributes:
        lines: by team, each with its number; those that were taken.
        requests: method, path, query and body of each.
        gone_after: so many requests for lines are answered, then none at all.
        pending: traces that wait to be summarized, by team.
        stuck: whether they wait for ever.
        failing: how many of them fail, by team.
        fallbacks: reasons, one a trace, until there are no more.
        workflow: how every workflow stands.
        needs: what the command said that the service has to have.
        on_lines: called when lines were taken, before it is said.
        on_summaries: what is answered when summaries are asked for.
    """

    lines: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    gone_after: int | None = None
    pending: dict[int, int] = field(default_factory=dict)
    failing: dict[int, int] = field(default_factory=dict)
    stuck: bool = False
    fallbacks: list[str] = field(default_factory=list)
    keys: list[dict[str, Any]] = field(default_factory=list)
    workflow: dict[str, Any] = field(default_factory=dict)
    needs: str = ""
    on_lines: Callable[[], None] = lambda: None
    on_summaries: Callable[[], dict[str, Any]] | None = None

    def api(self) -> ApiClient:
        transport = httpx.MockTransport(self.answer)
        return ApiClient(httpx.AsyncClient(transport=transport, base_url="http://in-process"))

    def asked(self, path: str) -> list[Any]:
        """Queries and bodies of the requests of a path."""
        return [(query, body) for _, where, query, body in self.requests if where == path]

    def answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.raw_path.decode().partition("?")[0], dict(request.url.params)
        is_lines = path.endswith("/traces")
        body = None if is_lines or not request.content else json.loads(request.content)
        self.requests.append((request.method, path, query, body))
        match path.removeprefix("/api/v1/").split("/"):
            case ["teams"]:
                teams = [{"team_id": team} for team in self.pending]
                return httpx.Response(200, json={"teams": teams})
            case ["teams", team, "traces"]:
                return self._take(int(team), int(query["first_line"]), request.content)
            case ["teams", team, "summaries"]:
                return self._summarize(int(team), int(query["limit"]))
            case ["teams", team, "backfill"]:
                return self._backfill(int(team), int(query["limit"]))
            case ["keys", *rest]:
                return self._keys(request.method, rest, body)
            case ["workflows", _]:
                return httpx.Response(200, json={"activities": [], **self.workflow})
        return httpx.Response(202, json={"workflow_id": "summarization"})

    def _take(self, team: int, first: int, content: bytes) -> httpx.Response:
        if self.gone_after == len(self.asked(f"/api/v1/teams/{team}/traces")) - 1:
            raise httpx.ConnectError("gone")
        taken = self.lines.setdefault(team, [])
        counts = {"received": 0, "stored": 0, "unchanged": 0, "ignored": 0}
        rejected = []
        for number, line in enumerate(content.splitlines(), first):
            counts["received"] += 1
            if not line.startswith(b"{"):
                rejected += [{"line": number, "field": "line", "problem": "bad"}] * 2
            elif line in [known for _, known in taken]:
                counts["unchanged"] += 1
            else:
                counts["stored"] += 1
                taken.append((number, line))
        self.pending[team] = self.pending.get(team, 0) + counts["stored"]
        self.on_lines()
        return httpx.Response(200, json={**counts, "rejected": rejected})

    def _summarize(self, team: int, limit: int) -> httpx.Response:
        if self.on_summaries is not None:
            return httpx.Response(200, json=self.on_summaries())
        waiting = self.pending.get(team, 0)
        done = 0 if self.stuck else min(waiting, limit)
        failed = min(done, self.failing.get(team, 0))
        self.pending[team] = waiting - done
        self.failing[team] = self.failing.get(team, 0) - failed
        reasons, self.fallbacks = self.fallbacks[:done], self.fallbacks[done:]
        answer = {
            "summarized": done - failed,
            "embedded": 2 * (done - failed),
            "failed": failed,
            "fallbacks": {reason: reasons.count(reason) for reason in reasons},
            "remaining": waiting - done,
        }
        return httpx.Response(200, json=answer)

    def _backfill(self, team: int, limit: int) -> httpx.Response:
        waiting = self.pending.get(team, 0)
        done = 0 if self.stuck else min(waiting, limit)
        self.pending[team] = waiting - done
        return httpx.Response(200, json={"embedded": done, "remaining": waiting - done})

    def _keys(self, method: str, rest: list[str], body: Any) -> httpx.Response:
        if method == "GET":
            return httpx.Response(200, json={"keys": self.keys})
        if method == "POST":
            key_id = f"key{len(self.keys)}"
            record = {"key_id": key_id, **body, "hint": "wxyz", "created_at": MOMENT}
            self.keys.append({**record, "revoked_at": None})
            return httpx.Response(201, json={"key": "tck_secret-wxyz", **self.keys[-1]})
        for key in self.keys:
            if [key["key_id"]] == rest:
                key["revoked_at"] = MOMENT
                return httpx.Response(200, json=key)
        error = {"type": "NotFoundError", "field": None, "message": f"there is no key {rest[0]}"}
        return httpx.Response(404, json={"error": error})


@contextmanager
def serving(fake: FakeService) -> Iterator[str]:
    """Let processes reach the fake over HTTP; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = f"http://127.0.0.1{self.path}"
            answer = fake.answer(httpx.Request(self.command, url, content=content))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
