"""Production: worker and HTTP service as processes of their own, on one Temporal and one store.

The store is reached over HTTP. Behind it is chDB with the tests' own HTTP front, because no
ClickHouse server can be assumed on a developer's machine.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx
import pytest

from tests.processes.support import (
    COMMAND,
    Process,
    bring,
    call,
    command,
    ended,
    environment,
    json_of,
    running,
    until,
    write_traces,
)
from tests.support.clickhouse_front import ClickHouseFront
from trace_clustering.errors import StoreError
from trace_clustering.store import Store
from trace_clustering.store.database import Database
from trace_clustering.temporal.dev_server import find_temporal, usable_port

ACTIVITIES = (
    "query_trace_embeddings_activity",
    "sample_embeddings_activity",
    "determine_optimal_k_activity",
    "perform_clustering_activity",
    "emit_cluster_events_activity",
)

Env = dict[str, str]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseFront]:
    with ClickHouseFront(tmp_path_factory.mktemp("front")) as started:
        yield started


@pytest.fixture(scope="module")
def temporal() -> Iterator[str]:
    """A Temporal of its own, because a worker creates the schedule; its address."""
    port = usable_port("port", 0)
    arguments = ["server", "start-dev", "--headless", "--port", str(port), "--log-level", "error"]
    arguments += ["--dynamic-config-value", "frontend.enableServerVersionCheck=false"]
    server = subprocess.Popen([find_temporal(), *arguments], stdout=subprocess.DEVNULL)
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.wait(60)


@pytest.fixture(scope="module")
def env(
    front: ClickHouseFront, temporal: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Env]:
    """Settings of a service in production, which runs; the command line talks to it."""
    folder = tmp_path_factory.mktemp("service")
    settings = {"clickhouse_url": front.dsn("traces"), "temporal_address": temporal, "port": 0}
    env = environment(folder, **settings)
    until(lambda: answers(temporal), "Temporal does not answer")
    with running(["serve"], env, folder / "serve.log") as service:
        url = service.wait_until_ready().rsplit(" ", 1)[1]
        yield env | {"TRACE_CLUSTERING_URL": url}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_traces(tmp_path_factory.mktemp("traces") / "traces.jsonl", 60)


class Crew:
    """One worker at a time: whoever replaces one that was killed is the next to be killed."""

    def __init__(self, env: Env, folder: Path) -> None:
        self._env, self._folder = env, folder
        self._worker: Process | None = None
        self._started = 0

    def ready(self) -> Process:
        """The worker, started if there is none."""
        if self._worker is None:
            self._started += 1
            self._worker = Process(["worker"], self._env, self._folder / f"{self._started}.log")
        self._worker.wait_until_ready()
        return self._worker

    def kill(self) -> None:
        self.ready().kill()
        self._worker = None

    def stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
        self._worker = None


@pytest.fixture(scope="module")
def crew(env: Env, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    started = Crew(env, tmp_path_factory.mktemp("crew"))
    yield started
    started.stop()


def test_worker_and_service_share_one_store(env: Env, traces: Path, tmp_path: Path) -> None:
    loaded = json_of(env, "ingest", str(traces), "--team-id", "1")
    assert (loaded["stored"], loaded["unchanged"], loaded["rejected"]) == (60, 0, [])
    with running(["worker"], env, tmp_path / "worker.log"):
        output = json_of(env, "trigger", "--team-id", "1")
    assert (output["status"], output["optimal_k"]) == ("completed", 3)
    event = json_of(env, "show", output["clustering_run_id"])
    assert event["$ai_total_traces_analyzed"] == 60
    assert [team["team_id"] for team in json_of(env, "teams")] == [1]
    assert "Cluster 0" in command(env, "show", output["clustering_run_id"], "--cluster", "0")


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_a_killed_worker_is_replaced(
    crew: Crew, env: Env, front: ClickHouseFront, traces: Path, activity: str
) -> None:
    check_kill(crew, env, front, traces, team=10 + ACTIVITIES.index(activity), held=(activity,))


def test_a_worker_killed_after_its_event_was_stored(
    crew: Crew, env: Env, front: ClickHouseFront, traces: Path
) -> None:
    """The event is in the store, but nobody was told: the next attempt finds it."""
    held = (ACTIVITIES[-1], "INSERT INTO", "events")
    check_kill(crew, env, front, traces, team=20, held=held, when="after")


@pytest.mark.parametrize(
    ("held", "when"),
    [
        (("snapshot_pending_traces_activity",), "before"),
        (("summarize_traces_activity", "INSERT INTO", "document_embeddings"), "after"),
        (("summarize_traces_activity", "INSERT INTO", "traces"), "before"),
    ],
    ids=["snapshot", "vectors-stored", "facts-not-stored"],
)
def test_a_worker_killed_while_it_summarizes_is_replaced(
    crew: Crew,
    env: Env,
    front: ClickHouseFront,
    traces: Path,
    held: tuple[str, ...],
    when: Literal["before", "after"],
) -> None:
    team = 30 + len(held) + (when == "after")
    bring(url_of(env), str(team), traces, summarize=False)
    with killed_while_held(crew, front, held, when):
        asked = ("summarize", "--team-id", str(team), "--now", "--no-wait")
        workflow_id = json_of(env, *asked)["workflow_id"]
    state = until(lambda: ended(url_of(env), workflow_id), "it never ended", 90)
    assert state["status"] == "completed", state
    assert state["result"]["failed"] == 0
    # Two vectors a trace, whether or not the first worker had stored them already.
    assert stored(front, team) == {"traces": 60, "vectors": 120}


@contextmanager
def killed_while_held(
    crew: Crew, front: ClickHouseFront, held: tuple[str, ...], when: Literal["before", "after"]
) -> Iterator[None]:
    """Kill the worker during a query of what the body starts; then there is another."""
    crew.ready()
    front.hold(*held, when=when)
    yield
    front.wait_held(timeout=60)
    crew.kill()
    front.release()
    crew.ready()


def stored(front: ClickHouseFront, team: int) -> dict[str, int]:
    """Of a team: summarized traces, and rows of vectors, as they lie there."""
    database = Database(front.dsn("traces"))
    found = database.select(
        "SELECT (SELECT count() FROM traces FINAL WHERE team_id = {team:Int64}) AS traces, "
        "(SELECT count() FROM document_embeddings WHERE team_id = {team:Int64}) AS vectors",
        team=team,
    )
    database.close()
    return {name: int(value) for name, value in found[0].items()}


def check_kill(
    crew: Crew,
    env: Env,
    front: ClickHouseFront,
    traces: Path,
    *,
    team: int,
    held: tuple[str, ...],
    when: Literal["before", "after"] = "before",
) -> None:
    """Kill the worker while a query of an activity is under way; another ends the run."""
    url = url_of(env)
    bring(url, str(team), traces)
    with killed_while_held(crew, front, held, when):
        started = call("POST", f"{url}/api/v1/teams/{team}/runs", json={})
    state = until(lambda: ended(url, started["workflow_id"]), "the run never ended", 90)
    assert state["status"] == "completed", state
    run_id = state["result"]["clustering_run_id"]
    assert events_of(front, team) == {"plain": 1, "final": 1}
    (run,) = call("GET", f"{url}/api/v1/teams/{team}/runs")["runs"]
    assert (run["run_id"], run["status"]) == (run_id, "completed")
    event = call("GET", f"{url}/api/v1/runs/{run_id}/event")
    assert sum(len(cluster["trace_ids"]) for cluster in event["$ai_clusters"]) == 60


def url_of(env: Env) -> str:
    return env["TRACE_CLUSTERING_URL"]


def events_of(front: ClickHouseFront, team: int) -> dict[str, int]:
    """A team's events, read both ways."""
    database = Database(front.dsn("traces"))
    counts = {}
    for name, final in (("plain", ""), ("final", "FINAL")):
        sql = (
            f"SELECT count() AS n FROM events {final} "
            "WHERE team_id = {team:Int64} AND event = '$ai_trace_clusters'"
        )
        counts[name] = int(database.select(sql, team=team)[0]["n"])
    database.close()
    return counts


def test_the_service_ends_cleanly(env: Env, tmp_path: Path) -> None:
    own = {k: v for k, v in env.items() if k != "TRACE_CLUSTERING_URL"}
    for number in (signal.SIGTERM, signal.SIGINT):
        for mode in ("serve", "worker"):
            process = Process([mode], own, tmp_path / f"{mode}-{number}.log")
            process.wait_until_ready()
            assert process.stop(number) == 0
            assert "Traceback" not in process.log.read_text()


def test_a_worker_serves_metrics_where_asked_to(crew: Crew, env: Env, tmp_path: Path) -> None:
    crew.stop()  # or that one might do the work
    own = env | {"TRACE_CLUSTERING_METRICS_PORT": str(port := usable_port("metrics_port", 0))}
    with running(["worker"], own, tmp_path / "worker.log"):
        assert json_of(env, "trigger", "--team-id", "99")["status"] == "skipped"
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=60).text
    assert re.search(r'trace_clustering_runs_total\{.*outcome="skipped".*\} 1', text)
    assert re.search(r'activity_duration_seconds_count\{activity="query_trace_embeddings', text)
    assert "process_cpu_seconds_total" in text
    assert "temporal_" in text


@pytest.mark.parametrize("mode", ["serve", "worker"])
def test_processes_of_production_need_both_servers(tmp_path: Path, mode: str) -> None:
    env = environment(tmp_path)
    url = {"TRACE_CLUSTERING_CLICKHOUSE_URL": "http://127.0.0.1:1/traces"}
    for given, missing in ((env, "CLICKHOUSE_URL"), (env | url, "TEMPORAL_ADDRESS")):
        done = subprocess.run([COMMAND, mode], env=given, capture_output=True, text=True)
        assert done.returncode == 2
        assert f"TRACE_CLUSTERING_{missing}" in done.stderr


def test_an_unreachable_store_is_named_without_its_password() -> None:
    with pytest.raises(StoreError) as error:
        Store.open("http://user:hush@127.0.0.1:1/traces", retention_days=9)
    assert "hush" not in str(error.value)


def answers(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
