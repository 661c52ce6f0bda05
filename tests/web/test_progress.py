"""How a workflow gets on, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trace_clustering.models import ActivityStep, RunStatus, StepStatus, WorkflowState
from trace_clustering.web.progress import Progress, progress_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN_ID = "team_7_2026-11-20T12:00:00Z"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def step(
    name: str,
    status: StepStatus = "done",
    begun: float | None = 0,
    ended: float | None = 1,
    **more: Any,
) -> ActivityStep:
    started = None if begun is None else at(begun)
    return ActivityStep(name, status, started, None if ended is None else at(ended), **more)


def progress(
    *steps: ActivityStep,
    status: RunStatus = "running",
    result: Mapping[str, Any] | None = None,
    failure: str | None = None,
    is_summarization: bool = False,
) -> Progress:
    state = WorkflowState("w", status, NOON, None, [], result, failure, list(steps))
    return progress_of(state, is_summarization=is_summarization, now=at(60))


def test_a_run_that_no_worker_has_begun() -> None:
    found = progress()
    assert len(found.lines) == 11
    assert {line.state for line in found.lines} == {"waiting"}
    assert (found.share, found.ending) == (0, None)
    assert found.told == "0 of 11 steps are done."


def test_a_run_under_way() -> None:
    found = progress(
        step("query_trace_embeddings_activity", ended=2.5),
        step("sample_embeddings_activity", "running", 58, None, attempt=2, failure="away"),
    )
    first, second, third, *_ = found.lines
    assert (first.name, first.state, first.seconds) == ("Count the traces", "done", 2.5)
    assert (second.state, second.seconds, second.attempt) == ("running", 2, 2)
    assert second.failure == "away"
    assert (third.state, third.seconds) == ("waiting", None)
    assert found.share == 1 / 11
    assert found.told == "1 of 11 steps are done. Now: Draw the sample."


def test_a_step_between_two_attempts_waits() -> None:
    found = progress(step("draw_map_activity", "waiting", None, None, attempt=3, failure="away"))
    (line,) = [line for line in found.lines if line.name == "Draw the map"]
    assert (line.state, line.seconds, line.attempt, line.failure) == ("waiting", None, 3, "away")


def test_steps_of_another_version_are_told_by_their_names() -> None:
    found = progress(step("record_run_end_activity"), step("sing_activity"))
    assert [line.name for line in found.lines[-2:]] == ["Write down how it ended", "sing_activity"]


def test_batches_are_told_together() -> None:
    batch = "summarize_traces_activity"
    found = progress(
        step("snapshot_pending_traces_activity"),
        step(batch, begun=1, ended=11),
        step(batch, "failed", 1, 21, failure="no model"),
        step(batch, "running", 20, None),
        is_summarization=True,
    )
    line = found.lines[1]
    assert (line.name, line.state, line.times) == ("Summarize and embed them", "running", 3)
    assert (line.seconds, line.failure) == (59, "no model")


COMPLETED = {"status": "completed", "clustering_run_id": RUN_ID, "sampled_traces": 1500}
CLUSTERS = [{"cluster_id": 0, "size": 1500}] * 5
SUMMARIZED: dict[str, Any] = {"summarized": 1, "failed": 0, "failures": []}

ENDS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "it found something": (
        {"status": "completed", "result": COMPLETED | {"clusters": CLUSTERS, "verdict": "good"}},
        "good",
        "Done",
        "5 clusters in 1,500 traces.",
    ),
    "it may have found something": (
        {"status": "completed", "result": COMPLETED | {"clusters": CLUSTERS, "verdict": "weak"}},
        "weak",
        "Done",
        "to be read with care",
    ),
    "it found nothing": (
        {"status": "completed", "result": COMPLETED | {"verdict": "degenerate"}},
        "bad",
        "Not an answer",
        "It divided 1,500 traces, but",
    ),
    "it was skipped": (
        {"status": "completed", "result": {"status": "skipped", "skip_reason": "7 traces"}},
        "weak",
        "Skipped",
        "7 traces. Send more traces",
    ),
    "it failed": (
        {"status": "failed", "failure": "the store was away"},
        "bad",
        "It failed",
        "The store was away. Start it again",
    ),
    "nobody knows why": ({"status": "failed"}, "bad", "It failed", "No reason was given."),
    "it was cancelled": ({"status": "cancelled"}, "none", "Cancelled", "ended before"),
    "it took too long": (
        {"status": "timed_out"},
        "bad",
        "It took too long",
        "fewer traces",
    ),
    "a summarization": (
        {"status": "completed", "is_summarization": True, "result": SUMMARIZED},
        "good",
        "Done",
        "1 trace was summarized.",
    ),
    "a summarization of nothing": (
        {"status": "completed", "is_summarization": True, "result": {}},
        "none",
        "Nothing was waiting",
        "has its summary",
    ),
    "a summarization that failed in part": (
        {
            "status": "completed",
            "is_summarization": True,
            "result": {"summarized": 20, "failed": 1, "failures": ["no model"]},
        },
        "weak",
        "Done in part",
        "20 traces were summarized. 1 failed. No model.",
    ),
    "a summarization that failed": (
        {"status": "failed", "is_summarization": True, "failure": "no model"},
        "bad",
        "It failed",
        "No model.",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_what_came_of_it(case: str) -> None:
    given, tone, headline, sentence = ENDS[case]
    ending = progress(**given).ending
    assert ending is not None
    assert (ending.tone, ending.headline) == (tone, headline)
    assert sentence in ending.sentence
    is_to_be_seen = "clustering_run_id" in (given.get("result") or {})
    assert ending.run_id == (RUN_ID if is_to_be_seen else None)


def test_what_an_ended_run_did_not_come_to_is_not_done() -> None:
    found = progress(step("query_trace_embeddings_activity"), status="failed", failure="x")
    assert [line.state for line in found.lines] == ["done", *["not_done"] * 10]
    assert found.told.startswith("It failed. X.")
    done = progress(status="completed", result=COMPLETED)
    assert done.share == 1
