"""The running service as clients see it: its URL and keys; and what is in its store afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock

from tests.processes.support import Process, environment, until

ROOT = Path(__file__).parents[2]
PORTS = {"port": 0, "temporal_port": 0, "temporal_ui_port": 0}
# Clients wait for five or ten seconds, and then drop what they had to send.
PATIENCE = {"LANGFUSE_TIMEOUT": "60", "OTEL_EXPORTER_OTLP_TIMEOUT": "60"}


@dataclass(frozen=True)
class Service:
    """``trace-clustering up`` on a folder of its own."""

    url: str
    env: Mapping[str, str]
    process: Process
    http: httpx.Client

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of what the API answers; an error is one of the test."""
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer.json()

    def new_key(self, team_id: int, name: str = "") -> str:
        """A key that writes to a team."""
        key: str = self.call("POST", "/api/v1/keys", {"team_id": team_id, "name": name})["key"]
        return key

    def summarize(self, team_id: int) -> dict[str, Any]:
        """What ``summarize --now`` does; how many of each came of it."""
        total = {"summarized": 0, "embedded": 0, "failed": 0}
        while True:
            done = self.call("POST", f"/api/v1/teams/{team_id}/summaries")
            total = {name: count + done[name] for name, count in total.items()}
            if not done["remaining"]:
                return total

    def cluster(self, team_id: int, **given: Any) -> dict[str, Any]:
        """What ``trigger`` does; the properties of the run's event."""
        started = self.call("POST", f"/api/v1/teams/{team_id}/runs", given)
        path = f"/api/v1/workflows/{started['workflow_id']}"
        state = until(lambda: self._ended(path), "the run never ended", 120)
        assert state["status"] == "completed", state
        run_id = state["result"]["clustering_run_id"]
        event: dict[str, Any] = self.call("GET", f"/api/v1/runs/{run_id}/event")
        return event

    def _ended(self, path: str) -> dict[str, Any] | None:
        state: dict[str, Any] = self.call("GET", path)
        return None if state["status"] == "running" else state


@contextmanager
def service(folder: Path, **settings: object) -> Iterator[Service]:
    """A service that runs until the context ends, if it is still there by then."""
    folder.mkdir(parents=True, exist_ok=True)
    env = environment(folder / "data", **PORTS, **settings)
    log = folder / f"up-{len(list(folder.glob('up-*')))}.log"
    process = Process(["up"], env, log)
    try:
        url = process.wait_until_ready().rsplit(" ", 1)[1]
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as http:
            yield Service(url, env, process, http)
    finally:
        process.stop()


def read_back(folder: Path, *teams: int) -> dict[int, dict[str, Any]]:
    """What is stored of every team, or of these, once the service has ended; see ``stored.py``."""
    printed = python("-m", "tests.clients.stored", str(folder / "data"), *map(str, teams))
    return {int(team_id): found for team_id, found in json.loads(printed).items()}


def made_once(name: str, base: Path, make: Callable[[Path], Any]) -> Any:
    """What ``make`` gives, which can be written as JSON; done once where tests run in parallel.

    Args:
        base: pytest's folder of this process.
        make: is given an empty folder.
    """
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    file = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if not file.exists():
            made = make(shared / name)
            file.write_text(json.dumps(made))
    return json.loads(file.read_text())


def python(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run Python to its end in the project's folder; what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**clean_environment(), **(env or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def clean_environment() -> dict[str, str]:
    """This process's environment without what would tell a client where to send; with patience."""
    prefixes = ("OTEL_", "OPENAI_", "LANGFUSE_", "POSTHOG_", "TRACE_CLUSTERING_", "TRACES_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return clean | PATIENCE
