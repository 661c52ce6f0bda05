"""Commands that are broken off from outside, as the processes that they are."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.fake_service import FakeService, serving
from tests.cli.support import PROGRAM, environment, write
from trace_clustering.cli.upload import BATCH_LINES

LINES = [json.dumps({"trace_id": str(number)}) + "\n" for number in range(3 * BATCH_LINES)]


class Ingest:
    """Starts ingests of one data folder, on a service that says when it has taken a batch."""

    def __init__(self, folder: Path, fake: FakeService, url: str) -> None:
        self.fake = fake
        self.taken = threading.Event()
        fake.on_lines = self.taken.set
        self._env = environment(TRACE_CLUSTERING_URL=url, TRACE_CLUSTERING_DATA_DIR=str(folder))

    def start(self, file: str | Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [PROGRAM, "ingest", file, "--team-id", "3", "--json"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._env,
        )


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    fake = FakeService()
    with serving(fake) as url:
        yield Ingest(tmp_path / "data", fake, url)


def test_a_silent_pipe_holds_up_nobody_who_wants_to_stop(ingest: Ingest) -> None:
    process = ingest.start("-")
    assert process.stdin is not None
    process.stdin.write("".join(LINES[: BATCH_LINES + 1]).encode())
    process.stdin.flush()
    assert ingest.taken.wait(60)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    _, told = process.communicate()
    assert b"Traceback" not in told
    assert b"the same command goes on" not in told


def test_a_killed_ingest_goes_on(ingest: Ingest, tmp_path: Path) -> None:
    path = write(tmp_path, *LINES)
    resume = threading.Event()

    def stop_at_the_second() -> None:
        if len(ingest.fake.lines[3]) > BATCH_LINES:
            ingest.taken.set()
            resume.wait(60)

    ingest.fake.on_lines = stop_at_the_second
    process = ingest.start(path)
    assert ingest.taken.wait(60)
    process.kill()
    process.communicate(timeout=60)
    resume.set()

    again = ingest.start(path)
    out, told = again.communicate(timeout=60)
    assert again.returncode == 0, told
    assert f"{path}: going on at line {BATCH_LINES + 1}" in told.decode()
    totals = json.loads(out)
    # The second batch was taken, but nobody was there to hear of it.
    assert (totals["received"], totals["unchanged"]) == (3 * BATCH_LINES, BATCH_LINES)
    assert [number for number, _ in ingest.fake.lines[3]] == list(range(1, 3 * BATCH_LINES + 1))
