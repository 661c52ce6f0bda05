"""``examples/send_traces.py``: what a client sends is what it would be if read from a file."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import adjusted_rand_score

from tests.clients.lines import KINDS, some_traces, write
from tests.clients.support import ROOT, Service, made_once, python, read_back, service
from tests.processes.support import json_of

DATA = ROOT.parent / "shared" / "data"
REAL = ("tau_airline_traces", "mt_bench_conversations")
REAL_TRACES = 120
REAL_WINDOW = {"window_start": "2026-11-01T00:00:00Z", "window_end": "2026-11-22T00:00:00Z"}
SCRIPT = str(ROOT / "examples" / "send_traces.py")
WAYS = ("ingest", *KINDS)
SAME_FACTS = ("models", "tools", "is_error", "user_id", "start")

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="no shared/data folder beside the checkout"
)
each_way = pytest.mark.parametrize("kind", KINDS)


@dataclass(frozen=True)
class Case:
    """A file that is brought in one way, to a team of its own."""

    file: Path
    window: dict[str, str]
    way: str
    team_id: int

    @property
    def name(self) -> str:
        return f"{self.file.stem} {self.way}"

    @property
    def ids(self) -> list[str]:
        """The ids that the file's traces have in the store, in the order of the file."""
        ids = [json.loads(line)["trace_id"] for line in self.file.read_text().splitlines()]
        if self.way != "otlp":
            return ids
        return [hashlib.sha256(one.encode()).hexdigest()[:32] for one in ids]

    def bring(self, running: Service) -> None:
        if self.way == "ingest":
            json_of(running.env, "ingest", str(self.file), "--team-id", str(self.team_id))
            return
        arguments = ("--as", self.way, "--url", running.url, "--key", running.new_key(self.team_id))
        assert python(SCRIPT, *arguments, str(self.file)) == f"sent {len(self.ids)} traces\n"
        running.summarize(self.team_id)

    def clusters(self, running: Service) -> list[int]:
        """The cluster of each of the file's traces."""
        event = running.cluster(self.team_id, seed=1, max_k=10, **self.window)
        found = {
            trace_id: one["cluster_id"]
            for one in event["$ai_clusters"]
            for trace_id in one["trace_ids"]
        }
        return [found[trace_id] for trace_id in self.ids]

    def details(self, stored: dict[str, Any]) -> dict[str, Any]:
        """What is stored of each of the file's traces."""
        return {name: [by_id[trace_id] for trace_id in self.ids] for name, by_id in stored.items()}


def cases(folder: Path) -> list[Case]:
    """Every file there is, in every way."""
    made_up = write(folder / "demo.jsonl", some_traces(120))
    window = {
        "window_start": json.loads(made_up.read_text().splitlines()[0])["timestamp"],
        "window_end": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    windows = {made_up: window}
    windows |= {beginning(name, folder): REAL_WINDOW for name in REAL if DATA.is_dir()}
    pairs = [(file, way) for file in windows for way in WAYS]
    return [Case(file, windows[file], way, at) for at, (file, way) in enumerate(pairs, start=1)]


def beginning(name: str, folder: Path) -> Path:
    """The first traces of a real file."""
    copy = folder / f"{name}.jsonl"
    with (DATA / copy.name).open(encoding="utf-8") as lines:
        copy.write_text("".join(islice(lines, REAL_TRACES)), encoding="utf-8")
    return copy


def bring_all(folder: Path) -> dict[str, Any]:
    """Clusters of the files' traces, by file and way; of what was made up all that is stored."""
    folder.mkdir()
    given = cases(folder)
    # The real files have dates of their own, which must not be too old one day.
    with service(folder, retention_days=10_000) as running, ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda case: case.bring(running), given))
        clusters = list(pool.map(lambda case: case.clusters(running), given))
    stored = read_back(folder, *(case.team_id for case in given if case.file.stem not in REAL))
    return {
        case.name: {"clusters": found, **case.details(stored.get(case.team_id, {}))}
        for case, found in zip(given, clusters, strict=True)
    }


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made: dict[str, Any] = made_once("brought", tmp_path_factory.getbasetemp(), bring_all)
    return made


@each_way
def test_the_clusters_are_those_of_ingest(brought: dict[str, Any], kind: str) -> None:
    assert_same_clusters(brought, "demo", kind)


@needs_data
@pytest.mark.parametrize("name", REAL)
@each_way
def test_real_files_give_the_clusters_of_ingest(
    brought: dict[str, Any], name: str, kind: str
) -> None:
    assert_same_clusters(brought, name, kind)


@each_way
def test_the_facts_are_those_of_ingest(brought: dict[str, Any], kind: str) -> None:
    read, sent = (brought[f"demo {way}"]["facts"] for way in ("ingest", kind))
    for name in SAME_FACTS:
        assert [one[name] for one in sent] == [one[name] for one in read], name


@each_way
def test_what_was_said_is_what_the_file_says(brought: dict[str, Any], kind: str) -> None:
    assert brought[f"demo {kind}"]["said"] == brought["demo ingest"]["said"]


def assert_same_clusters(brought: dict[str, Any], name: str, kind: str) -> None:
    read, sent = (brought[f"{name} {way}"]["clusters"] for way in ("ingest", kind))
    assert len(set(read)) > 2
    assert adjusted_rand_score(read, sent) == 1.0
