"""Everything in one process, as ``up`` runs it: started, killed, started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.processes.support import (
    COMMAND,
    Process,
    bring,
    call,
    children,
    command,
    ended,
    environment,
    json_of,
    running,
    until,
    write_traces,
)

PORTS = {"port": 0, "temporal_port": 0, "temporal_ui_port": 0}

COUNT_EVENTS = """
import json, sys
from trace_clustering.store.database import Database
database = Database(f"chdb://{sys.argv[1]}/clickhouse")
rows = database.select(
    "SELECT team_id, count() AS n FROM events WHERE event = '$ai_trace_clusters' GROUP BY team_id"
)
print(json.dumps({row["team_id"]: row["n"] for row in rows}))
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "data", **PORTS)


def url_of(service: Process) -> str:
    return service.wait_until_ready().rsplit(" ", 1)[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_ends_cleanly_and_leaves_no_child(
    env: dict[str, str], tmp_path: Path, number: int
) -> None:
    service = Process(["up"], env, tmp_path / "up.log")
    assert call("GET", f"{url_of(service)}/healthz")["status"] == "ok"
    below = children(service.pid)
    assert below
    assert service.stop(number) == 0
    assert not [pid for pid in below if is_alive(pid)]
    assert "Traceback" not in service.log.read_text()


def test_a_killed_service_leaves_no_child_either(env: dict[str, str], tmp_path: Path) -> None:
    service = Process(["up"], env, tmp_path / "up.log")
    service.wait_until_ready()
    below = children(service.pid)
    service.kill()
    until(lambda: not any(map(is_alive, below)), "a child was left behind")


def test_a_second_service_on_the_folder_is_refused(env: dict[str, str], tmp_path: Path) -> None:
    with running(["up"], env, tmp_path / "up.log"):
        done = subprocess.run([COMMAND, "up"], env=env, capture_output=True, text=True)
        assert done.returncode == 4
        assert "another process has this data folder open" in done.stderr
        assert "Traceback" not in done.stderr


def test_trigger_starts_a_service_where_none_runs(env: dict[str, str], tmp_path: Path) -> None:
    traces = write_traces(tmp_path / "traces.jsonl", 60)
    json_of(env, "ingest", str(traces), "--team-id", "7")
    output = json_of(env, "trigger", "--team-id", "7", "--seed", "1")
    assert (output["status"], output["optimal_k"]) == ("completed", 3)
    (run,) = json_of(env, "runs", "--team-id", "7")
    assert run["run_id"] == output["clustering_run_id"]
    script = (
        "from trace_clustering.temporal.manual_trigger import *\n"
        "print([team['team_id'] for team in find_teams_with_embeddings()])\n"
        "print(trigger_clustering(team_id=7, lookback_days=14, max_samples=50)['sampled_traces'])"
    )
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["[7]", "50"], done.stderr


def test_nothing_is_started_that_would_be_broken_off(env: dict[str, str]) -> None:
    assert command(env, "trigger", "--team-id", "7", "--no-wait", code=2) == ""
    assert command(env, "schedule", "trigger", code=2) == ""


def test_the_schedule_where_no_service_runs(env: dict[str, str]) -> None:
    assert json_of(env, "schedule", "create")["change"] == "created"
    paused = json_of(env, "schedule", "pause")
    assert (paused["paused"], paused["note"]) == (True, "paused on the command line")
    assert "paused (paused on the command line)" in command(env, "schedule", "show")
    assert json_of(env, "schedule", "delete") == {"change": "deleted"}
    command(env, "schedule", "show", code=3)


def test_a_coordinator_run_survives_a_kill_of_everything(
    env: dict[str, str], tmp_path: Path
) -> None:
    teams = [str(team) for team in range(1, 6)]
    traces = write_traces(tmp_path / "traces.jsonl", 150)
    first = Process(["up"], env, tmp_path / "first.log")
    url = url_of(first)
    for team in teams:
        bring(url, team, traces)
    body = {"max_concurrent_teams": 1}
    started = call("POST", f"{url}/api/v1/coordinator/runs", json=body)
    until(lambda: runs_of(url, teams[1]), "the second team's run never began")
    first.kill()

    with running(["up"], env, tmp_path / "second.log") as second:
        url = url_of(second)
        state = until(lambda: ended(url, started["workflow_id"]), "it never ended", 120)
        assert state["status"] == "completed", state
        assert (state["result"]["teams_processed"], state["result"]["teams_failed"]) == (5, 0)
        for team in teams:
            (run,) = runs_of(url, team)
            assert run["status"] == "completed"
        schedule = json_of(env, "schedule", "show")
        assert (schedule["paused"], schedule["runs"]) == (False, 0)
    assert count_events(env) == dict.fromkeys(teams, 1)


def runs_of(url: str, team: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("GET", f"{url}/api/v1/teams/{team}/runs")["runs"]
    return found


def count_events(env: Mapping[str, str]) -> dict[str, int]:
    folder = env["TRACE_CLUSTERING_DATA_DIR"]
    done = subprocess.run(
        [sys.executable, "-c", COUNT_EVENTS, folder], capture_output=True, text=True, check=True
    )
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
