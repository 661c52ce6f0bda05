"""The HTTP API over a real store and a fake Temporal: every route, every kind of error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.builders import STARTED, add, document, event_text, finish_run, names, run_record
from tests.fakes import FakeEmbedder, FakeWorkflows
from tests.support.clickhouse_front import ClickHouseFront
from tests.support.run_event import run_event
from tests.trace_events import generation
from trace_clustering.models import ClusteringInputs, CoordinatorInputs, TraceDocument
from trace_clustering.settings import Settings
from trace_clustering.settings_sources import describe_settings, load_settings
from trace_clustering.store import Store
from trace_clustering.summarization import Summarization
from trace_clustering.web import routes
from trace_clustering.web.app import create_app
from trace_clustering.web.services import Services

TOKEN = "correct horse ñ"
OPEN = "/healthz"


@dataclass
class Api:
    """Requests to an application in this process, each on an event loop of its own."""

    store: Store
    settings: Settings
    workflows: FakeWorkflows | None = field(default_factory=FakeWorkflows)
    temporal_ui: str | None = None

    def __post_init__(self) -> None:
        self.app = create_app(
            Services(
                settings=self.settings,
                store=self.store,
                summarization=Summarization(self.store, FakeEmbedder()),
                workflows=self.workflows,
                sdk_metrics=_sdk_metrics,
                describe_settings=lambda: describe_settings(self.settings),
                temporal_ui=self.temporal_ui,
            )
        )

    @property
    def temporal(self) -> FakeWorkflows:
        assert self.workflows is not None
        return self.workflows

    def ask(
        self, method: str, path: str, *, raise_app_exceptions: bool = True, **options: Any
    ) -> httpx.Response:
        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=raise_app_exceptions)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(request())

    def get(self, path: str, **options: Any) -> Any:
        return self._answered(self.ask("GET", path, **options))

    def post(self, path: str, **options: Any) -> Any:
        return self._answered(self.ask("POST", path, **options))

    def error(
        self, status: int, method: str, path: str, **options: Any
    ) -> Mapping[str, str | None]:
        """The error of an answer, which has the form that all errors have."""
        answer = self.ask(method, path, **options)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert list(body) == ["error"]
        error: Mapping[str, str | None] = body["error"]
        assert list(error) == ["type", "field", "message"]
        assert error["message"]
        return error

    def _answered(self, answer: httpx.Response) -> Any:
        assert answer.is_success, answer.text
        return answer.json()


async def _sdk_metrics() -> bytes:
    return b"temporal_request_total 3\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"data_dir": tmp_path, "max_samples": 777, "allowed_team_ids": [1]})


@pytest.fixture
def api(store: Store, settings: Settings) -> Api:
    return Api(store, settings)


@pytest.fixture
def guarded(store: Store, tmp_path: Path) -> Api:
    return Api(store, load_settings({"data_dir": tmp_path, "token": TOKEN}))


def bearer(token: str) -> dict[str, bytes]:
    return {"Authorization": f"Bearer {token}".encode()}


def run_path(run_id: str, *rest: str) -> str:
    return "/".join(["/api/v1/runs", quote(run_id, safe=""), *rest])


def trace_line(trace_id: str, **changes: Any) -> bytes:
    trace = {
        "trace_id": trace_id,
        "timestamp": "2026-11-16T09:00:00Z",
        "messages": [{"role": "user", "content": f"text of {trace_id}"}],
    }
    return json.dumps(trace | changes).encode() + b"\n"


# -- the service ------------------------------------------------------------------------------


def test_health(api: Api) -> None:
    assert api.get(OPEN)["status"] == "ok"


def test_metrics_are_this_process_and_the_sdks(api: Api) -> None:
    answer = api.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info" in answer.text
    assert answer.text.endswith("temporal_request_total 3\n")


def test_settings_are_shown_without_secrets(guarded: Api) -> None:
    answer = guarded.ask("GET", "/api/v1/config", headers=bearer(TOKEN))
    rows = {row["name"]: row["value"] for row in answer.json()["settings"]}
    assert rows["token"] == "********"
    assert TOKEN not in answer.text


def test_the_description_loads_nothing_from_outside(api: Api) -> None:
    text = api.ask("GET", "/openapi.json").text
    assert "//" not in text
    for path in ("/docs", "/redoc"):
        assert api.ask("GET", path).status_code == 404


# -- traces and teams -------------------------------------------------------------------------


def test_traces_go_in(api: Api, team_id: int) -> None:
    path = f"/api/v1/teams/{team_id}/traces"
    body = trace_line("a") + b"no json\n" + trace_line("b").rstrip()
    report = api.post(path, content=body, params={"first_line": 11})
    assert (report["received"], report["stored"], report["unchanged"]) == (3, 2, 0)
    (bad,) = report["rejected"]
    assert (bad["line"], bad["field"]) == (12, "line")
    assert api.post(path, content=body)["unchanged"] == 2
    assert api.post(path, content=b"")["received"] == 0
    summaries = f"/api/v1/teams/{team_id}/summaries"
    first = api.post(summaries, params={"limit": 1})
    assert (first["summarized"], first["embedded"], first["remaining"]) == (1, 2, 1)
    assert api.post(summaries)["remaining"] == 0
    (team,) = [t for t in api.get("/api/v1/teams")["teams"] if t["team_id"] == team_id]
    assert team == {
        "team_id": team_id,
        "traces": 2,
        "first_trace_at": "2026-11-16T09:00:00Z",
        "last_trace_at": "2026-11-16T09:00:00Z",
        "last_run_id": None,
    }


def test_a_trace_as_it_stands(api: Api, team_id: int) -> None:
    trace_id = "tests/a b?"
    root = generation(trace_id, 0)
    more = {"$ai_parent_id": f"{trace_id}/0", "$ai_input_tokens": 30}
    child = generation(trace_id, 1, properties=more)
    api.store.events.insert(team_id, [child, root])
    path = f"/api/v1/teams/{team_id}/traces/{quote(trace_id, safe='')}"
    found = api.get(path)
    assert (found["status"], found["summary"]) == ("pending", None)
    assert [(span["depth"], span["kind"]) for span in found["spans"]] == [
        (0, "generation"),
        (1, "generation"),
    ]
    assert found["facts"]["input_tokens"] == 30  # of the inner call, which the outer one wraps
    assert found["text"].startswith("L001")
    api.post(f"/api/v1/teams/{team_id}/summaries")
    found = api.get(path)
    assert found["status"] == "summarized"
    assert found["summary"]["source"] == "extractive"
    api.store.events.insert(team_id, [generation(trace_id, 2)])
    assert api.get(path)["status"] == "pending"
    assert api.error(404, "GET", path.replace("tests", "no"))["type"] == "NotFoundError"


def test_a_team_names_its_latest_run(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    (team,) = [t for t in api.get("/api/v1/teams")["teams"] if t["team_id"] == team_id]
    assert team["last_run_id"] == run.run_id


def test_a_body_may_be_too_large(api: Api, team_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_BODY_BYTES", 500)
    path = f"/api/v1/teams/{team_id}/traces"
    line = trace_line("a")
    assert api.post(path, content=line + b" " * (500 - len(line)))["stored"] == 1
    error = api.error(413, "POST", path, content=trace_line("b") + b" " * 500)
    assert error["message"] == "a request may hold 500 bytes at most"


def test_an_embedder_that_fails_is_a_bad_gateway(api: Api, team_id: int) -> None:
    messages = [{"role": "user", "content": "refuse me"}]
    content = trace_line("a", messages=messages)
    assert api.post(f"/api/v1/teams/{team_id}/traces", content=content)["stored"] == 1
    error = api.error(502, "POST", f"/api/v1/teams/{team_id}/summaries")
    assert (error["type"], error["message"]) == ("EmbeddingError", "the model is out of order")


def test_vectors_of_the_present_model_are_made_up(api: Api, team_id: int) -> None:
    add(api.store, team_id, ["a", "b", "c"])
    path = f"/api/v1/teams/{team_id}/backfill"
    assert api.post(path, params={"limit": 2}) == {"embedded": 2, "remaining": 1}
    assert api.post(path) == {"embedded": 1, "remaining": 0}
    assert api.post(path) == {"embedded": 0, "remaining": 0}


def test_the_summarization_is_started(api: Api, team_id: int) -> None:
    path = f"/api/v1/teams/{team_id}/summarization"
    assert api.post(path)["workflow_id"]
    api.post(path, json={"now": True})
    api.post("/api/v1/summarization", json={"now": True})
    assert api.temporal.summarizations == [(team_id, False), (team_id, True), (None, True)]
    assert api.error(422, "POST", path, json={"later": 1})["field"] == "later"


def test_keys_are_made_listed_and_revoked(api: Api, team_id: int) -> None:
    made = api.post("/api/v1/keys", json={"team_id": team_id, "name": "laptop"})
    assert api.store.keys.team_of(made["key"]) == team_id
    listed = {one["key_id"]: one for one in api.get("/api/v1/keys")["keys"]}
    assert listed[made["key_id"]]["hint"] == made["key"][-4:]
    assert made["key"] not in json.dumps(listed)
    revoked = api.ask("DELETE", f"/api/v1/keys/{made['key_id']}").json()
    assert revoked["revoked_at"]
    assert api.store.keys.team_of(made["key"]) is None
    assert api.error(404, "DELETE", "/api/v1/keys/nobody")["type"] == "NotFoundError"
    assert api.error(422, "POST", "/api/v1/keys", json={"team_id": 0})["field"] == "team_id"


# -- starting runs ----------------------------------------------------------------------------


def test_a_run_takes_what_is_absent_from_the_settings(api: Api, team_id: int) -> None:
    path = f"/api/v1/teams/{team_id}/runs"
    nothing: list[dict[str, Any]] = [{}, {"json": None}, {"json": {}}, {"json": {"min_k": None}}]
    for options in nothing:
        answer = api.ask("POST", path, **options)
        assert (answer.status_code, list(answer.json())) == (202, ["workflow_id"])
    # The allowlist of these settings does not name this team.
    assert api.temporal.runs == [ClusteringInputs(team_id, max_samples=777)] * 4
    body = {
        "lookback_days": 3,
        "max_samples": "50",
        "min_k": 2,
        "max_k": 4,
        "window_start": "2026-11-01T00:00:00Z",
        "window_end": "2026-11-02T01:00:00+01:00",
        "seed": 9,
    }
    api.post(path, json=body)
    assert api.temporal.runs[-1] == ClusteringInputs(
        team_id, 3, 50, 2, 4, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", 9
    )


def test_the_coordinator_takes_what_is_absent_from_the_settings(api: Api) -> None:
    assert api.post("/api/v1/coordinator/runs") == {"workflow_id": "coordinator-1"}
    api.post("/api/v1/coordinator/runs", json={"allowed_team_ids": [], "min_embeddings": 2})
    assert api.temporal.coordinator_runs == [
        CoordinatorInputs(max_samples=777, allowed_team_ids=[1]),
        CoordinatorInputs(max_samples=777, min_embeddings=2),
    ]


BAD_REQUESTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/api/v1/teams/1/runs", {"json": {"lookback_days": 0}}, "lookback_days"),
    ("POST", "/api/v1/teams/1/runs", {"json": {"max_samples": True}}, "max_samples"),
    ("POST", "/api/v1/teams/1/runs", {"json": {"min_k": 1}}, "min_k"),
    ("POST", "/api/v1/teams/1/runs", {"json": {"min_k": 7}}, "max_k"),
    ("POST", "/api/v1/teams/1/runs", {"json": {"window_start": "today"}}, "window_start"),
    ("POST", "/api/v1/teams/1/runs", {"json": {"seed": -1}}, "seed"),
    ("POST", "/api/v1/teams/1/runs", {"json": {"team_id": 2}}, "team_id"),
    ("POST", "/api/v1/teams/1/runs", {"json": {"lookback": 2}}, "lookback"),
    ("POST", "/api/v1/teams/1/runs", {"json": [1]}, "body"),
    ("POST", "/api/v1/teams/0/runs", {}, "team_id"),
    ("POST", "/api/v1/teams/-1/runs", {}, "team_id"),
    ("POST", "/api/v1/teams/x/runs", {}, "team_id"),
    ("POST", "/api/v1/teams/9223372036854775808/runs", {}, "team_id"),
    ("GET", "/api/v1/teams/x/runs", {}, "team_id"),
    ("GET", "/api/v1/teams/1/runs", {"params": {"limit": 0}}, "limit"),
    ("GET", "/api/v1/teams/1/runs", {"params": {"limit": "x"}}, "limit"),
    ("POST", "/api/v1/teams/x/traces", {"content": b""}, "team_id"),
    ("POST", "/api/v1/teams/1/traces", {"params": {"first_line": 0}}, "first_line"),
    ("POST", "/api/v1/coordinator/runs", {"json": {"min_embeddings": 0}}, "min_embeddings"),
    ("POST", "/api/v1/coordinator/runs", {"json": {"progress": {}}}, "progress"),
    ("POST", "/api/v1/coordinator/runs", {"json": {"allowed_team_ids": [0]}}, "allowed_team_ids.0"),
    ("GET", "/api/v1/runs/nonsense", {}, "run_id"),
    ("GET", "/api/v1/runs/team_9223372036854775808_x", {}, "run_id"),
    ("GET", "/api/v1/runs/nonsense/event", {}, "run_id"),
    ("GET", "/api/v1/runs/nonsense/clusters/0", {}, "run_id"),
    ("GET", "/api/v1/runs/team_1_x", {"params": {"members": -1}}, "members"),
    ("GET", "/api/v1/runs/team_1_x/clusters/x", {}, "cluster_id"),
    ("GET", "/api/v1/runs/team_1_x/clusters/0", {"params": {"limit": 1001}}, "limit"),
    ("POST", "/api/v1/schedule/pause", {"json": {"note": 1}}, "note"),
    ("POST", "/api/v1/schedule/pause", {"json": {"reason": "x"}}, "reason"),
]


@pytest.mark.parametrize(("method", "path", "options", "field"), BAD_REQUESTS)
def test_a_bad_parameter_is_named(
    api: Api, method: str, path: str, options: dict[str, Any], field: str
) -> None:
    error = api.error(422, method, path, **options)
    assert (error["type"], error["field"]) == ("InvalidInputError", field)
    assert str(error["message"]).startswith(f"{field}: ")
    assert api.temporal == FakeWorkflows()


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"min_k": 1e999}', b'{"min_k": NaN}'])
def test_a_body_that_is_no_json(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.ask("POST", "/api/v1/teams/1/runs", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/teams/1/runs"),
        ("POST", "/api/v1/coordinator/runs"),
        ("GET", "/api/v1/workflows/x"),
        ("POST", "/api/v1/workflows/x/cancel"),
        ("GET", "/api/v1/schedule"),
        ("PUT", "/api/v1/schedule"),
        ("DELETE", "/api/v1/schedule"),
    ],
)
def test_without_temporal_the_store_can_be_read_only(
    store: Store, settings: Settings, method: str, path: str
) -> None:
    error = Api(store, settings, None).error(503, method, path)
    assert (error["type"], error["field"]) == ("ServiceError", None)


# -- reading runs -----------------------------------------------------------------------------


def test_a_run_with_its_clusters(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    detail = api.get(run_path(run.run_id))
    assert detail["run"]["run_id"] == run.run_id
    assert detail["run"]["started_at"] == "2026-11-20T12:00:00Z"
    assert "$ai_clusters" not in detail["facts"]
    assert detail["facts"]["$ai_note"] == "ñ 你"
    assert [(c["cluster_id"], c["size"]) for c in detail["clusters"]] == [(0, 4), (1, 4), (2, 4)]
    assert sum(c["share"] for c in detail["clusters"]) == pytest.approx(1)
    ids = names(12)
    found = [[m["trace_id"] for m in c["members"]] for c in detail["clusters"]]
    assert found == [[ids[k], ids[k + 3], ids[k + 6]] for k in range(3)]
    bare = api.get(run_path(run.run_id), params={"members": 0})
    assert [c["members"] for c in bare["clusters"]] == [[], [], []]


def test_one_cluster(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    cluster = api.get(run_path(run.run_id, "clusters", "1"))
    assert [m["trace_id"] for m in cluster["members"]] == names(12)[1::3]
    assert cluster["members"][0] == {
        "trace_id": "trace-0001",
        "cluster_id": 1,
        "distance": 1.0,
        "content": "text of trace-aaab",
        "metadata": '{"opening": "text of trace-aaab"}',
        "timestamp": "2026-11-16T09:00:00Z",
    }
    limited = api.get(run_path(run.run_id, "clusters", "1"), params={"limit": 2})
    assert len(limited["members"]) == 2
    for missing in ("3", "-1", str(10**30)):
        error = api.error(404, "GET", run_path(run.run_id, "clusters", missing))
        assert f"has no cluster {missing}" in str(error["message"])


def test_what_a_run_tells_of_its_clusters(api: Api, team_id: int) -> None:
    told = run_event()
    run = finish_run(api.store, team_id, event=told)
    detail = api.get(run_path(run.run_id))
    first = detail["clusters"][0]
    for key in ("title", "description", "keywords", "representatives", "stability", "facts"):
        assert first[key] == told["$ai_clusters"][0][key]
    facts = detail["facts"]
    assert facts["$ai_quality"] == told["$ai_quality"]
    assert facts["$ai_levels"].keys() == {"sizes", "groups"}
    assert facts["$ai_outliers"].keys() == {"threshold", "share"}
    assert "$ai_map" not in facts
    assert first["examples"] == []  # their texts are no longer kept
    one = api.get(run_path(run.run_id, "clusters", "3"))
    assert (one["title"], one["verdict"]) == ("Seats and meals on board", "good")


def test_examples_of_a_cluster_begin_differently(api: Api, team_id: int) -> None:
    openings = ["Where is my bag?", "Hi! Where is my bag? Thanks", "My suitcase is broken", ""]
    ids = [f"trace-0-{i:02}" for i in range(4)]
    told = run_event()
    told["$ai_clusters"][0]["representatives"] = [*ids, "gone"]
    run = finish_run(api.store, team_id, ids=ids, event=told)
    add(
        api.store,
        team_id,
        [document(one, content=text) for one, text in zip(ids, openings, strict=True)],
    )
    first = api.get(run_path(run.run_id))["clusters"][0]
    assert [one["opening"] for one in first["examples"]] == [openings[0], openings[2]]


def test_what_stands_out_in_a_run(api: Api, team_id: int) -> None:
    ids = ["trace-3-11", "x", "y"]
    run = finish_run(api.store, team_id, ids=ids, event=run_event())
    found = api.get(run_path(run.run_id, "outliers"))
    assert (found["total"], found["threshold"], found["missing"]) == (2, 2.1, None)
    assert [(one["trace_id"], one["opening"]) for one in found["outliers"]] == [
        ("trace-3-11", "text of trace-d-bb"),
        ("trace-1-35", ""),  # no longer kept
    ]
    assert found["outliers"][0]["reason"].startswith("3.2 times as far")
    limited = api.get(run_path(run.run_id, "outliers"), params={"limit": 1})
    assert (len(limited["outliers"]), limited["total"]) == (1, 2)


def test_why_a_run_tells_of_no_outliers(api: Api, team_id: int) -> None:
    old = finish_run(api.store, team_id)
    assert api.get(run_path(old.run_id, "outliers"))["missing"] == "this run is older than that"
    gone = run_event(outliers=None, missing_parts={"outliers": "no memory"})
    run = finish_run(api.store, team_id, started=STARTED + timedelta(hours=1), event=gone)
    assert api.get(run_path(run.run_id, "outliers"))["missing"] == "no memory"
    skipped = run_record(team_id, started=STARTED + timedelta(hours=2), status="skipped")
    api.store.runs.record(skipped)
    missing = api.get(run_path(skipped.run_id, "outliers"))["missing"]
    assert missing == "the run's status is skipped"


def test_the_event_comes_byte_for_byte_as_stored(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    answer = api.ask("GET", run_path(run.run_id, "event"))
    assert answer.headers["content-type"] == "application/json"
    ids = names(12)
    expected = event_text(run, [ids[0::3], ids[1::3], ids[2::3]])
    assert answer.content == expected.encode()


@pytest.mark.parametrize("rest", [(), ("event",), ("clusters", "0")])
def test_an_unknown_run(api: Api, team_id: int, rest: tuple[str, ...]) -> None:
    run_id = f"team_{team_id}_2026-11-20T12:00:00Z"
    error = api.error(404, "GET", run_path(run_id, *rest))
    assert error["type"] == "NotFoundError"
    assert run_id in str(error["message"])


def test_a_skipped_run_has_no_clusters(api: Api, team_id: int) -> None:
    run = run_record(team_id, status="skipped", reason="too few")
    api.store.runs.record(run)
    detail = api.get(run_path(run.run_id))
    assert (detail["run"]["status"], detail["run"]["reason"]) == ("skipped", "too few")
    assert (detail["facts"], detail["clusters"]) == (None, [])
    api.error(404, "GET", run_path(run.run_id, "event"))
    api.error(404, "GET", run_path(run.run_id, "clusters", "0"))


def test_traces_that_begin_alike_stand_for_each_other(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    add(api.store, team_id, [_reworded("trace-0000"), _reworded("trace-0003")])
    detail = api.get(run_path(run.run_id))
    first = [m["trace_id"] for m in detail["clusters"][0]["members"]]
    assert first == ["trace-0000", "trace-0006", "trace-0009"]


def _reworded(trace_id: str) -> TraceDocument:
    opening = "Same Words" if trace_id == "trace-0000" else "same words"
    return document(trace_id, metadata=json.dumps({"opening": opening}))


def test_a_teams_runs_latest_first(api: Api, team_id: int) -> None:
    runs = [run_record(team_id, started=STARTED + timedelta(hours=i)) for i in range(3)]
    for run in runs:
        api.store.runs.record(run)
    path = f"/api/v1/teams/{team_id}/runs"
    assert [r["run_id"] for r in api.get(path)["runs"]] == [r.run_id for r in runs[::-1]]
    assert len(api.get(path, params={"limit": 1})["runs"]) == 1


# -- what Temporal knows ----------------------------------------------------------------------

ENDED = datetime(2026, 11, 20, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("known", "status", "reason"),
    [
        (None, "failed", "Temporal no longer knows the workflow"),
        ({}, "running", ""),
        ({"status": "completed", "closed_at": ENDED}, "running", ""),
        ({"status": "failed", "failure": "broke", "closed_at": ENDED}, "failed", "broke"),
        ({"status": "timed_out", "closed_at": ENDED}, "timed_out", ""),
        ({"status": "cancelled", "closed_at": ENDED}, "cancelled", ""),
    ],
)
def test_a_run_that_ended_without_saying_so(
    api: Api, team_id: int, known: dict[str, Any] | None, status: str, reason: str
) -> None:
    run = run_record(team_id, status="running", workflow_id=f"workflow-{team_id}")
    api.store.runs.record(run)
    if known is not None:
        api.temporal.know(run.workflow_id, **known)
    shown = api.get(run_path(run.run_id))["run"]
    assert (shown["status"], shown["reason"]) == (status, reason)
    assert api.get(f"/api/v1/teams/{team_id}/runs")["runs"] == [shown]


def test_a_workflow_is_watched_and_cancelled(api: Api) -> None:
    activity = {"activity": "query", "attempt": 2, "last_failure": "no"}
    path = "/api/v1/workflows/" + quote("a b:2", safe="")
    api.temporal.know("a b:2", activities=[activity], result={"k": 3})
    state = api.get(path)
    assert (state["status"], state["activities"], state["result"]) == (
        "running",
        [activity],
        {"k": 3},
    )
    assert api.post(f"{path}/cancel") == {"workflow_id": "a b:2"}
    assert api.temporal.cancelled == ["a b:2"]
    for method, missing in (("GET", ""), ("POST", "/cancel")):
        api.error(404, method, f"/api/v1/workflows/unknown{missing}")


def test_the_schedules_whole_life(api: Api) -> None:
    path = "/api/v1/schedule"
    api.error(404, "GET", path)
    for action in ("pause", "resume", "trigger"):
        api.error(404, "POST", f"{path}/{action}")
    assert api.ask("PUT", path).json()["change"] == "created"
    assert api.ask("PUT", path).json()["change"] == "unchanged"
    assert api.post(f"{path}/pause", json={"note": "holiday"})["note"] == "holiday"
    assert api.get(path)["paused"]
    assert not api.post(f"{path}/resume")["paused"]
    assert api.post(f"{path}/pause")["note"] == ""
    assert api.ask("POST", f"{path}/trigger").status_code == 202
    assert api.temporal.triggered == 1
    assert api.ask("DELETE", path).json() == {"change": "deleted"}
    api.error(404, "DELETE", path)


def test_each_schedule_is_asked_for_by_name(api: Api) -> None:
    path = "/api/v1/schedule"
    api.ask("PUT", path)
    assert api.error(404, "GET", f"{path}?of=summarization")["type"] == "NotFoundError"
    assert api.ask("PUT", f"{path}?of=summarization").json()["change"] == "created"
    assert api.post(f"{path}/pause?of=summarization")["paused"]
    assert not api.get(path)["paused"]
    assert api.error(422, "GET", f"{path}?of=nothing")["field"] == "of"


# -- how errors read --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/runs/a%2Fb", 404),
        ("DELETE", "/api/v1/teams", 405),
        ("PATCH", "/healthz", 405),
    ],
)
def test_what_does_not_exist(api: Api, method: str, path: str, status: int) -> None:
    assert api.error(status, method, path)["type"] == "HTTPException"


def test_a_store_that_fails_is_unavailable(tmp_path: Path, settings: Settings) -> None:
    with ClickHouseFront(tmp_path / "store") as front:
        store = Store.open(front.dsn("mine"), retention_days=92)
    error = Api(store, settings).error(503, "GET", OPEN)
    assert error["type"] == "StoreError"
    store.close()
