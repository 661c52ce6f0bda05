"""What ends a service, and what must not start one."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.processes.support import COMMAND, Process, children, environment, json_of, until
from tests.processes.support import write_traces as write

PORTS = {"port": 0, "temporal_port": 0, "temporal_ui_port": 0}


def test_a_service_whose_temporal_died_ends_and_says_so(tmp_path: Path) -> None:
    service = Process(["up"], environment(tmp_path / "data", **PORTS), tmp_path / "up.log")
    service.wait_until_ready()
    below = children(service.pid)
    # The last one is the server itself; the supervising process is its parent.
    os.kill(below[-1], signal.SIGKILL)
    assert until(service.code, "the service did not end") == 4
    assert "the embedded Temporal ended by itself" in service.log.read_text()
    assert "Traceback" not in service.log.read_text()


def test_a_folder_with_marks_in_its_name_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "x y#z&q%41"
    env = environment(folder)
    traces = write(tmp_path / "traces.jsonl", 5)
    assert json_of(env, "ingest", str(traces), "--team-id", "1")["stored"] == 5
    assert (folder / "clickhouse").is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, traces.name}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("command", "setting", "value", "named"),
    [
        ("teams", "data_dir", "/dev/null/x", "data_dir"),
        ("teams", "data_dir", "/tmp/what?", "?"),
        ("teams", "url", "http://127.0.0.1:notaport", "url"),
        ("serve", "temporal_address", "foo bar", "temporal_address"),
        ("serve", "token", "two\nlines-of-secret", "token"),
        ("serve", "temporal_address", "127.0.0.1:1", "clickhouse_url"),
    ],
)
def test_bad_settings_give_one_line(
    tmp_path: Path, command: str, setting: str, value: str, named: str
) -> None:
    env = environment(tmp_path) | {f"TRACE_CLUSTERING_{setting.upper()}": value}
    done = subprocess.run([COMMAND, command], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode in (2, 4)
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
