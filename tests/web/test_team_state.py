"""How a team stands, in words: a case for each that can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from tests.builders import run_record
from trace_clustering.models import RunRecord, RunStatus
from trace_clustering.web.team_state import (
    Kind,
    Note,
    ScheduleKnown,
    Standing,
    TeamKnown,
    state_of_team,
)

RUN_AT = datetime(2026, 11, 21, tzinfo=UTC)
SUMMARY_AT = datetime(2026, 11, 20, 13, tzinfo=UTC)


def known(**changes: Any) -> TeamKnown:
    """A team of 300 traces that was never clustered, and all is as it should be."""
    values: dict[str, Any] = {
        "team_id": 7,
        "traces": 300,
        "recent": 300,
        "waiting": 0,
        "latest": None,
        "clustering": ScheduleKnown("on", RUN_AT),
        "summarization": ScheduleKnown("on", SUMMARY_AT),
        "needed": 20,
        "needed_for_schedule": 20,
        "lookback_days": 7,
        "quiet_minutes": 10,
    }
    return TeamKnown(**values | changes)


def run(status: RunStatus = "completed", reason: str = "", verdict: str = "good") -> RunRecord:
    record = run_record(7, status=status, reason=reason)
    return replace(record, sampled_traces=280, optimal_k=5, verdict=verdict)


CASES: dict[str, tuple[Kind, dict[str, Any], str, str, tuple[str, ...]]] = {
    "nothing was ever sent": (
        "no_traces",
        {"traces": 0, "recent": 0},
        "Nothing has come for team 7",
        "Send traces with the SDK",
        ("send",),
    ),
    "what was sent waits": (
        "waiting",
        {"traces": 0, "recent": 0, "waiting": 1},
        "1 trace waits to be summarized",
        "nothing new of it has come for 10 minutes",
        ("summarize",),
    ),
    "what was sent is summarized whenever it comes": (
        "waiting",
        {"traces": 0, "recent": 0, "waiting": 1234, "quiet_minutes": 0},
        "1,234 traces wait to be summarized",
        "wait for the schedule",
        ("summarize",),
    ),
    "a run is under way": (
        "running",
        {"latest": run("running")},
        "being clustered",
        "",
        ("watch",),
    ),
    "too few": (
        "too_few",
        {"traces": 7, "recent": 7},
        "7 traces lie in the last 7 days; a run needs 20.",
        "Send more",
        ("send",),
    ),
    "too few with those that wait": (
        "too_few",
        {"traces": 1, "recent": 1, "waiting": 2, "lookback_days": 1},
        "1 trace lies in the last day; a run needs 20. 2 traces wait to be summarized.",
        "Send more",
        ("summarize", "send"),
    ),
    "enough once all are summarized": (
        "too_few",
        {"traces": 7, "recent": 7, "waiting": 13},
        "13 traces wait to be summarized.",
        "once nothing new",
        ("summarize",),
    ),
    "enough a while ago": (
        "too_few",
        {"recent": 0},
        "0 traces lie in the last 7 days",
        "There are 300 traces in all: start a run that looks further back.",
        ("start", "send"),
    ),
    "clusters of a while ago": (
        "outdated",
        {"recent": 3, "latest": run()},
        "3 traces lie",
        "looks further back",
        ("start", "send"),
    ),
    "too few when it ran and now": (
        "too_few",
        {"traces": 7, "recent": 7, "latest": run("skipped", reason="7 traces")},
        "7 traces lie",
        "Send more",
        ("send",),
    ),
    "too few when it ran": (
        "skipped",
        {"latest": run("skipped", reason="7 traces with usable embeddings")},
        "7 traces with usable embeddings.",
        "300 traces of the last 7 days can be clustered",
        ("start",),
    ),
    "it failed": (
        "failed",
        {"latest": run("failed", reason="the store was away")},
        "The store was away.",
        "Start it again.",
        ("start",),
    ),
    "it failed, and nobody knows why": (
        "failed",
        {"latest": run("failed"), "recent": 3},
        "No reason was recorded.",
        "Start it again.",
        ("start",),
    ),
    "it took too long": (
        "timed_out",
        {"latest": run("timed_out", reason="not done within 30 minutes")},
        "Not done within 30 minutes.",
        "fewer days",
        ("start",),
    ),
    "it was cancelled": (
        "cancelled",
        {"latest": run("cancelled")},
        "Somebody ended it",
        "Start another",
        ("start",),
    ),
    "it never ran": (
        "no_run",
        {},
        "300 traces of the last 7 days can be clustered.",
        "Start a run",
        ("start",),
    ),
    "it found nothing": (
        "no_answer",
        {"latest": run(verdict="degenerate")},
        "found no groups",
        "may help",
        ("start",),
    ),
    "it found something": (
        "well",
        {"latest": run()},
        "The last run found 5 clusters in 280 traces.",
        "",
        ("start",),
    ),
    "it may have found something": (
        "well",
        {"latest": run(verdict="weak")},
        "read with care",
        "",
        ("start",),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_team_stands(case: str) -> None:
    kind, changes, why, todo, actions = CASES[case]
    state = state_of_team(known(**changes))
    assert (state.kind, state.actions) == (kind, actions)
    assert why in state.why
    assert todo in state.todo
    assert bool(todo) == bool(state.todo)
    assert state.headline
    assert state.notes == ()


def test_every_kind_has_a_case() -> None:
    assert {case[0] for case in CASES.values()} == set(get_args(Kind))


@pytest.mark.parametrize(
    ("case", "due"),
    [
        ("it never ran", ("The next run starts", RUN_AT)),
        ("it failed", ("The next run starts", RUN_AT)),
        ("what was sent waits", ("The next summarization starts", SUMMARY_AT)),
        ("enough once all are summarized", ("The next summarization starts", SUMMARY_AT)),
        ("clusters of a while ago", None),
        ("nothing was ever sent", None),
        ("a run is under way", None),
    ],
)
def test_what_comes_by_itself(case: str, due: tuple[str, datetime] | None) -> None:
    assert state_of_team(known(**CASES[case][1])).due == due


@pytest.mark.parametrize(
    ("standing", "text", "command"),
    [
        ("paused", "paused (holidays): no run starts", "trace-clustering schedule resume"),
        ("missing", "There is no schedule of the clustering", "trace-clustering schedule create"),
        ("unreachable", "Temporal does not answer", ""),
        ("absent", "Temporal does not run here", ""),
    ],
)
def test_a_schedule_that_starts_nothing(standing: Standing, text: str, command: str) -> None:
    # Nothing is due then, whatever was told of the next time.
    stopped = ScheduleKnown(standing, RUN_AT, note="holidays")
    state = state_of_team(known(clustering=stopped, latest=run()))
    (note,) = state.notes
    assert text in note.text
    assert (note.command, state.due, state.kind) == (command, None, "well")


def test_a_stopped_summarization_is_told_where_traces_wait() -> None:
    stopped = ScheduleKnown("paused", SUMMARY_AT)
    (note,) = state_of_team(known(waiting=3, summarization=stopped)).notes
    assert note.command == "trace-clustering schedule resume --of summarization"
    assert "no summarization starts by itself" in note.text
    assert state_of_team(known(summarization=stopped)).notes == ()
    # That Temporal does not answer is said once.
    away = ScheduleKnown("unreachable")
    state = state_of_team(known(waiting=3, clustering=away, summarization=away))
    assert len(state.notes) == 1


def test_a_team_that_is_not_scheduled() -> None:
    state = state_of_team(known(is_allowed=False, needed_for_schedule=500))
    (note,) = state.notes
    assert "allowed_team_ids" in note.text
    assert state.due is None


def test_a_team_that_is_too_small_for_the_schedule() -> None:
    state = state_of_team(known(needed_for_schedule=500))
    (note,) = state.notes
    assert "500 traces or more" in note.text
    assert (state.due, state.kind) == (None, "no_run")


def test_vectors_of_another_model() -> None:
    state = state_of_team(known(vector_model="old", model="new"))
    assert state.notes == (
        Note(
            "Most traces have vectors of the model old, new ones get those of new. "
            "A run takes those of one model and leaves the others out.",
            "trace-clustering embed --backfill --team-id 7",
        ),
    )
    assert state_of_team(known(vector_model="new", model="new")).notes == ()


def test_a_run_of_the_same_traces_would_be_skipped_again() -> None:
    looked_at = replace(run("skipped"), traces_analyzed=40)
    assert "differ" in state_of_team(known(latest=looked_at, recent=40)).todo
    assert "Start another" in state_of_team(known(latest=looked_at, recent=41)).todo
