"""The command ``export``: what is in the file, and that there is none unless it is whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from tests.builders import finish_run, run_record
from tests.cli.fake_service import FakeService
from tests.cli.support import Run
from trace_clustering.cli.export import format_of
from trace_clustering.errors import InvalidInputError
from trace_clustering.store import Store

RUN = "team_7_2026-11-20T12:00:00Z"
CONTENT = b'{"trace_id":"a"}\n'


class ExportService(FakeService):
    """Answers with a file, which may break off."""

    breaks_off = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(("GET", request.url.path, dict(request.url.params), None))
        return httpx.Response(200, content=self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield CONTENT
        if self.breaks_off:
            raise httpx.RemoteProtocolError("incomplete chunked read")
        yield CONTENT


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, service: FakeService) -> ExportService:
    exporting = ExportService()
    monkeypatch.setattr(service, "api", exporting.api)
    return exporting


def test_a_file_of_a_stored_run(store: Store, team_id: int, run: Run, tmp_path: Path) -> None:
    run_id = finish_run(store, team_id).run_id
    target = tmp_path / "traces.parquet"
    target.write_text("something older")
    done = run("export", run_id, "-o", target)
    assert (done.code, done.out) == (0, "")
    assert "Wrote" in done.err
    assert pq.read_table(target).num_rows == 12
    assert list(tmp_path.iterdir()) == [target]
    lines = run("export", run_id, "-o", "-", "--format", "jsonl").out.splitlines()
    assert len({json.loads(line)["trace_id"] for line in lines}) == 12


def test_runs_that_cannot_be_exported(store: Store, team_id: int, run: Run, tmp_path: Path) -> None:
    skipped = run_record(team_id, status="skipped", reason="too few")
    target = tmp_path / "traces.csv"
    done = run("export", skipped.run_id, "-o", target)
    done.assert_refused(3, "there is no run")
    store.runs.record(skipped)
    done = run("export", skipped.run_id, "-o", target)
    done.assert_refused(3, "its status is skipped: too few")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("traces.xlsx", "--format: say parquet, csv or jsonl"),
        ("traces", "--format: say parquet, csv or jsonl"),
        ("-", "--format: say parquet, csv or jsonl"),
        ("folder.csv", "--output: "),
        ("nowhere/traces.csv", "--output: there is no folder"),
        (f"{'x' * 300}.csv", "--output: "),
    ],
)
def test_nothing_is_asked_where_nothing_can_be_written(
    service: ExportService, ask: Run, tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    ask("export", RUN, "-o", name if name == "-" else tmp_path / name).assert_refused(2, told)
    assert service.requests == []


def test_a_format_may_be_said(service: ExportService, ask: Run, tmp_path: Path) -> None:
    assert ask("export", RUN, "-o", tmp_path / "a.txt", "--format", "csv").code == 0
    assert ask("export", RUN, "-o", tmp_path / "b.JSONL").code == 0
    asked = service.asked(f"/api/v1/runs/{RUN}/export")
    assert asked == [({"format": "csv"}, None), ({"format": "jsonl"}, None)]
    assert (tmp_path / "b.JSONL").read_bytes() == CONTENT * 2


def test_what_breaks_off_leaves_the_file_as_it_was(
    service: ExportService, ask: Run, tmp_path: Path
) -> None:
    service.breaks_off = True
    target = tmp_path / "traces.jsonl"
    ask("export", RUN, "-o", target).assert_refused(4, "incomplete chunked read")
    assert list(tmp_path.iterdir()) == []
    target.write_text("something older")
    ask("export", RUN, "-o", target).assert_refused(4, "incomplete chunked read")
    assert target.read_text() == "something older"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_one(service: ExportService, ask: Run, tmp_path: Path) -> None:
    link, target = tmp_path / "link.jsonl", tmp_path / "target.jsonl"
    link.symlink_to(target)
    assert ask("export", RUN, "-o", link).code == 0
    assert link.is_symlink()
    assert target.read_bytes() == CONTENT * 2


def test_devices_are_written_to(service: ExportService, ask: Run) -> None:
    assert ask("export", RUN, "-o", "/dev/null", "--format", "csv").code == 0
    assert Path("/dev/null").is_char_device()
    ask("export", RUN, "-o", "/dev/full", "--format", "csv").assert_refused(2, "No space left")


@pytest.mark.parametrize("name", ["x", "x.", ".csv", "csv", "x.csv.gz"])
def test_names_that_promise_no_format(name: str) -> None:
    with pytest.raises(InvalidInputError, match="--format"):
        format_of(name)
