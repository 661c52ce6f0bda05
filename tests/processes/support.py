"""Starting the command line as the separate processes that it is in production."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

COMMAND = str(Path(sysconfig.get_path("scripts")) / "trace-clustering")


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """This process's environment with these settings and no others of the program."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRACE_CLUSTERING_")}
    # At midnight a schedule of every day would start runs beside those of the tests.
    given = {"data_dir": data_dir, "log_format": "json", "interval_days": 365, **settings}
    return clean | {f"TRACE_CLUSTERING_{name.upper()}": str(v) for name, v in given.items()}


class Process:
    """One running command; its output goes to a file."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [COMMAND, *arguments], env=dict(env), stdout=output, stderr=output
            )
        self.pid = self._process.pid

    def wait_until_ready(self) -> str:
        """Wait for the line that says so; returns the line."""
        return until(self._ready_line, f"{self.log} never said that it is ready")

    def kill(self) -> None:
        """SIGKILL: no clean-up of any kind."""
        self._process.kill()
        self._process.wait(60)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End in good order; returns the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(60)

    def code(self) -> int | None:
        """The exit code of a process that has ended."""
        return self._process.poll()

    def _ready_line(self) -> str | None:
        assert self._process.poll() is None, self.log.read_text()
        lines = self.log.read_text().splitlines()
        return next((line for line in lines if " is ready" in line), None)


@contextmanager
def running(arguments: list[str], env: Mapping[str, str], log: Path) -> Iterator[Process]:
    """Run a command that is ready, until the context ends."""
    process = Process(arguments, env, log)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.stop()


def command(env: Mapping[str, str], *arguments: str, code: int = 0) -> str:
    """Run a command to its end; its standard output."""
    done = subprocess.run(
        [COMMAND, *arguments], env=dict(env), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def call(method: str, url: str, **request: Any) -> Any:
    """The JSON that the API answers; an error is one of the test."""
    answer = httpx.request(method, url, timeout=60, trust_env=False, **request)
    answer.raise_for_status()
    return answer.json()


def bring(url: str, team: str, traces: Path, *, summarize: bool = True) -> None:
    """What ``ingest`` does, without the second that the command line takes to start."""
    base = f"{url}/api/v1/teams/{team}"
    call("POST", f"{base}/traces", content=traces.read_bytes())
    if summarize:
        call("POST", f"{base}/summaries?limit=1000")


def ended(url: str, workflow_id: str) -> dict[str, Any] | None:
    """What became of a workflow; None while it runs."""
    state: dict[str, Any] = call("GET", f"{url}/api/v1/workflows/{workflow_id}")
    return None if state["status"] == "running" else state


def json_of(env: Mapping[str, str], *arguments: str) -> Any:
    return json.loads(command(env, *arguments, "--json"))


_T = TypeVar("_T")


def until(condition: Callable[[], _T | None], what: str, seconds: float = 60.0) -> _T:
    """Poll until there is a true answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(what)


def children(pid: int) -> list[int]:
    """Processes below one, however deep."""
    listing = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()[1:]]
    found = [child for child, parent in parents if parent == pid]
    return found + [deeper for child in found for deeper in children(child)]


def write_traces(path: Path, n: int) -> Path:
    """A file of ``n`` traces about three subjects, of the last hours."""
    subjects = (
        "My invoice shows the wrong amount, please refund the difference",
        "How do I reset the password of my account when the mail never comes",
        "The parcel has not arrived, where is my delivery now",
    )
    now = time.time()
    lines = [
        {
            "trace_id": f"trace-{i}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60 - i)),
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": f"{subjects[i % 3]} {'please ' * (i % 7)}"}],
        }
        for i in range(n)
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    return path
