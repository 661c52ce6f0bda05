"""The command ``report``: the page of a stored run, in a file that is there once it is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import finish_run, run_record
from tests.cli.fake_service import FakeService
from tests.cli.support import Run
from trace_clustering.store import Store

RUN = "team_7_2026-11-20T12:00:00Z"


def test_a_page_of_a_stored_run(store: Store, team_id: int, run: Run, tmp_path: Path) -> None:
    run_id = finish_run(store, team_id).run_id
    target = tmp_path / "report.html"
    target.write_text("something older")
    done = run("report", run_id, "-o", target)
    assert (done.code, done.out) == (0, "")
    assert "Wrote" in done.err
    page = target.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.endswith("</html>")
    assert "text of trace-aaaa" in page  # how a trace begins
    assert list(tmp_path.iterdir()) == [target]
    assert run("report", run_id, "-o", "-").out == page


def test_runs_that_have_no_page(store: Store, team_id: int, run: Run, tmp_path: Path) -> None:
    skipped = run_record(team_id, status="skipped", reason="too few")
    target = tmp_path / "report.html"
    run("report", skipped.run_id, "-o", target).assert_refused(3, "there is no run")
    store.runs.record(skipped)
    done = run("report", skipped.run_id, "-o", target)
    done.assert_refused(3, "its status is skipped: too few")
    run("report", "nonsense", "-o", target).assert_refused(2, "run_id")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "told"), [("", "--output: "), ("nowhere/a.html", "--output: there is no folder")]
)
def test_nothing_is_asked_where_nothing_can_be_written(
    service: FakeService, ask: Run, tmp_path: Path, name: str, told: str
) -> None:
    ask("report", RUN, "-o", tmp_path / name).assert_refused(2, told)
    assert service.requests == []
