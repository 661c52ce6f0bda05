"""What a stranger wrote is shown as text: no markup, no control characters, no broken tables."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from trace_clustering.cli import console
from trace_clustering.cli.run_views import run_view
from trace_clustering.cli.summarize import Summarization
from trace_clustering.cli.upload import BadLine
from trace_clustering.cli.watching import Outcome, _under_way

HOSTILE = "[bold]x[/bold] [/nope] [link=http://e.vil]y[/link] \x1b[31mred\x07\u202e \\"


def printed(view: RenderableType, width: int = 300) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False, highlight=False).print(view)
    return out.getvalue()


def member(trace_id: str, **changes: Any) -> dict[str, Any]:
    values = {
        "trace_id": trace_id,
        "distance": 0.5,
        "content": HOSTILE,
        "metadata": "{}",
        "timestamp": "2026-11-16T09:00:00Z",
    }
    return values | changes


def detail() -> dict[str, Any]:
    return {
        "run": {"run_id": "team_1_x", "status": "completed", "reason": ""},
        "facts": {
            "$ai_total_traces_analyzed": 5000,
            "$ai_sampled_traces_count": 2000,
            "$ai_window_start": "2026-11-13T00:00:00Z",
            "$ai_window_end": "2026-11-20T00:00:00Z",
            "$ai_optimal_k": 2,
            "$ai_silhouette_score": 0.25,
            "$ai_excluded_traces": {"other_model": 2, "invalid_vector": 1},
            "$ai_scores_by_k": [{"k": 2, "silhouette_score": 0.25}],
        },
        "clusters": [
            {"cluster_id": i, "size": 1000, "share": 0.5, "members": [member(f"t{i}")]}
            for i in range(2)
        ],
    }


def skipped(reason: str = HOSTILE) -> dict[str, Any]:
    return {
        "run_id": "team_1_x",
        "status": "skipped",
        "reason": reason,
        "sampled_traces": 0,
        "optimal_k": 0,
        "silhouette_score": None,
        "started_at": "2026-11-20T12:00:00Z",
        "finished_at": "2026-11-20T12:00:02Z",
    }


CLUSTER = {
    "cluster_id": 0,
    "size": 2,
    "share": 1.0,
    "members": [member(HOSTILE), member("b", metadata="no json"), member("c", metadata="[1]")],
}
SCHEDULE = {
    "id": "schedule",
    "paused": True,
    "note": HOSTILE,
    "interval_days": [1, 3.0, 1 / 24, 15 / 1440],
    "next_runs": ["2026-11-20T12:00:00Z"],
    "recent_runs": [],
}
KEY = {
    "key_id": "a1b2c3",
    "team_id": 1,
    "name": HOSTILE.strip("\\"),
    "hint": "wxyz",
    "created_at": "2026-11-20T12:00:00Z",
    "revoked_at": None,
}
FAILED = {"workflow_id": "w", "status": "failed", "failure": HOSTILE}
ACTIVITY = {"activity": "emit_cluster_events_activity", "attempt": 2, "last_failure": HOSTILE}


@pytest.mark.parametrize(
    "view",
    [
        run_view(detail()),
        run_view({"run": skipped(), "facts": None, "clusters": []}),
        console.cluster_view(CLUSTER, "team_1_x"),
        console.runs_table([skipped()], 1),
        console.schedule_view(SCHEDULE),
        console.keys_table([KEY]),
        console.settings_table(
            [{"name": "url", "value": HOSTILE.strip("\\"), "source": "default", "description": ""}]
        ),
        Outcome(FAILED).view(),
        Summarization(FAILED).view(),
        _under_way({"activities": [ACTIVITY]}, "clustering"),
        console.plain(BadLine("file", 1, "trace_id", HOSTILE).sentence),
    ],
)
def test_hostile_text_is_text(view: RenderableType) -> None:
    text = printed(view)
    assert "[bold]x[/bold] [/nope] [link=http://e.vil]y[/link]" in text
    assert "\x07" not in text


RUN_ID = "team_1234_2026-11-20T12:00:00.123456+00:00"


def cells(text: str, column: int) -> str:
    """What stands in a column, put together again where it was folded."""
    rows = [line.split("│") for line in text.splitlines() if line.startswith("│")]
    return "".join(row[column].strip() for row in rows)


@pytest.mark.parametrize("width", [60, 80, 99, 100, 120])
def test_narrow_tables_keep_ids_whole(width: int) -> None:
    team = {"team_id": 1, "traces": 1, "first_trace_at": None, "last_trace_at": None}
    member_id = "trace/" + "x" * 70
    teams = printed(console.teams_table([team | {"last_run_id": RUN_ID}]), width)
    runs = printed(console.runs_table([skipped("few traces") | {"run_id": RUN_ID}], 1), width)
    cluster = CLUSTER | {"members": [member(member_id)]}
    one = printed(console.cluster_view(cluster, RUN_ID), width)
    assert cells(teams, -2) == cells(runs, 1) == RUN_ID
    assert cells(one, 2) == member_id
    assert "skipped: few" in runs
    assert ("Silhouette" in runs) is (width >= 100)
    assert all(len(line) <= width for text in (teams, runs, one) for line in text.splitlines())
    assert "…" not in teams + runs + one


@pytest.mark.parametrize("width", [60, 100])
def test_narrow_tables_keep_values_whole(width: int) -> None:
    value = "/folder" * 12
    setting = {"name": "data_dir", "value": value, "source": "default", "description": "Folder."}
    assert cells(printed(console.settings_table([setting]), width), 2) == value


def test_ids_are_no_markup() -> None:
    odd = "team_[bold]1_[/nope]\x1b"
    team = {"team_id": 1, "traces": 1, "first_trace_at": None, "last_trace_at": None}
    assert "team_[bold]1_[/nope] " in printed(console.teams_table([team | {"last_run_id": odd}]))
    assert "team_[bold]1_[/nope] " in printed(console.runs_table([skipped() | {"run_id": odd}], 1))


def test_control_characters_are_gone() -> None:
    assert console.plain("a\x1b[31mb\r\nc\u202ed\x00\ue000\ud800e").plain == "a [31mb c d e"
    assert console.plain("ñ 你 🙂 e\u0301").plain == "ñ 你 🙂 e\u0301"


@pytest.mark.parametrize(("width", "cut"), [(3, "abc"), (2, "a…"), (1, "…"), (None, "abc")])
def test_long_text_is_cut(width: int | None, cut: str) -> None:
    assert console.plain("abc", width).plain == cut


def test_a_run_tells_what_was_left_out() -> None:
    text = printed(run_view(detail()))
    assert "2,000 of 5,000 traces from 2026-11-13 00:00 to 2026-11-20 00:00, 3 left out" in text
    assert "k=2, silhouette 0.250 (by k: 2: 0.250)" in text
    assert "50% █████" in text


def test_empty_lists_say_what_to_do() -> None:
    assert "trace-clustering ingest" in printed(console.teams_table([]))
    assert "trace-clustering trigger --team-id 3" in printed(console.runs_table([], 3))


def test_teams_and_runs() -> None:
    team = {
        "team_id": 7,
        "traces": 12345,
        "first_trace_at": "2026-11-13T00:00:00Z",
        "last_trace_at": "2026-11-20T00:00:00Z",
        "last_run_id": None,
    }
    text = printed(console.teams_table([team]))
    assert "12,345" in text
    assert "2026-11-13 00:00" in text
    assert "2.0 s" in printed(console.runs_table([skipped("")], 1))


@pytest.mark.parametrize(
    ("finished", "took"),
    [("2026-11-20T12:00:02.500Z", "2.5 s"), ("2026-11-20T12:05:00Z", "5 min"), (None, "–")],
)
def test_how_long_a_run_took(finished: str | None, took: str) -> None:
    assert took in printed(console.runs_table([skipped("") | {"finished_at": finished}], 1))


def test_a_started_run_is_named() -> None:
    outcome = Outcome({"workflow_id": "trace-clustering-team-1-[x]", "status": "running"})
    assert printed(outcome.view()) == "Started trace-clustering-team-1-[x]\n"
    assert not outcome.failed
    assert outcome.as_json()["status"] == "running"


def test_one_is_no_plural() -> None:
    assert "1 trace (100%)" in printed(console.cluster_view(CLUSTER | {"size": 1}, "team_1_x"))


def test_what_is_under_way() -> None:
    assert printed(_under_way({"activities": []}, "summarizing")) == "summarizing\n"
