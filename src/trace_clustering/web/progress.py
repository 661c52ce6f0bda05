"""How a workflow gets on, in words: step by step, what came of it, what to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from trace_clustering.amounts import count
from trace_clustering.models import ActivityStep, WorkflowState
from trace_clustering.plain_text import sentence

StepState = Literal["waiting", "running", "done", "failed", "cancelled", "not_done"]

_CLUSTERING = "clustering_run_id"
_NO_REASON = "no reason was given"


@dataclass(frozen=True)
class Line:
    """A step as the page tells it.

    Attributes:
        state: "waiting": not begun, or between two attempts; "not_done": it never will be.
        seconds: that it took, or takes so far; None where it has not begun.
        attempt: of the activity; 1 where nothing failed.
        failure: why it failed, or the attempt before did.
        times: how many activities of this kind there were, where there may be many.
    """

    name: str
    state: StepState
    seconds: float | None = None
    attempt: int = 1
    failure: str | None = None
    times: int = 1


@dataclass(frozen=True)
class Ending:
    """What came of a workflow, and what to do next.

    Attributes:
        tone: of the notice: good, weak, bad or none.
        run_id: of the run that it made, if there is one to look at.
    """

    tone: Literal["good", "weak", "bad", "none"]
    headline: str
    sentence: str
    run_id: str | None = None


@dataclass(frozen=True)
class Progress:
    """How a workflow gets on.

    Attributes:
        share: of the steps that are behind it, 0 to 1.
        told: the same in a sentence, for those who listen.
        ending: None while it runs.
    """

    is_summarization: bool
    lines: tuple[Line, ...]
    share: float
    told: str
    ending: Ending | None


_STEPS: Mapping[str, str] = {
    "query_trace_embeddings_activity": "Count the traces",
    "sample_embeddings_activity": "Draw the sample",
    "determine_optimal_k_activity": "Find how many clusters there are",
    "perform_clustering_activity": "Put every trace into a cluster",
    "build_levels_activity": "Find finer groups within the clusters",
    "find_outliers_activity": "Find traces that stand out",
    "draw_map_activity": "Draw the map",
    "collect_facts_activity": "Add up cost, time and errors",
    "name_groups_activity": "Name the clusters",
    "assess_quality_activity": "Judge how far to believe it",
    "emit_cluster_events_activity": "Write the result",
}
_SUMMARIZATION_STEPS: Mapping[str, str] = {
    "snapshot_pending_traces_activity": "Find the traces that wait",
    "summarize_traces_activity": "Summarize and embed them",
}
_OTHER_STEPS: Mapping[str, str] = {"record_run_end_activity": "Write down how it ended"}


def step_name(activity: str) -> str:
    """What an activity does, in words; its own name where it is none of ours."""
    return {**_STEPS, **_SUMMARIZATION_STEPS, **_OTHER_STEPS}.get(activity, activity)


def progress_of(state: WorkflowState, *, is_summarization: bool, now: datetime) -> Progress:
    """How a workflow of one team gets on.

    Args:
        is_summarization: rather than a clustering.
    """
    plan = _SUMMARIZATION_STEPS if is_summarization else _STEPS
    lines = _lines(state, plan, now)
    ending = None
    if state.status != "running":
        ending = _summarization_end(state) if is_summarization else _clustering_end(state)
    behind = sum(line.state in ("done", "failed") for line in lines)
    share = 1.0 if state.status == "completed" else behind / len(lines)
    return Progress(is_summarization, lines, share, _told(lines, behind, ending), ending)


def _lines(state: WorkflowState, plan: Mapping[str, str], now: datetime) -> tuple[Line, ...]:
    by_name: dict[str, list[ActivityStep]] = {name: [] for name in plan}
    for step in state.steps:
        by_name.setdefault(step.name, []).append(step)
    has_ended = state.status != "running"
    return tuple(_line(step_name(name), steps, has_ended, now) for name, steps in by_name.items())


def _line(name: str, steps: Sequence[ActivityStep], has_ended: bool, now: datetime) -> Line:
    if not steps:
        return Line(name, "not_done" if has_ended else "waiting")
    # What goes on tells most; then what went wrong.
    told = min(steps, key=lambda step: _WEIGHT[step.status])
    return Line(
        name=name,
        state=told.status,
        seconds=_seconds(steps, now),
        attempt=max(step.attempt for step in steps),
        failure=told.failure or next((one.failure for one in steps if one.failure), None),
        times=len(steps),
    )


_WEIGHT = {"running": 0, "waiting": 1, "failed": 2, "cancelled": 3, "done": 4}


def _seconds(steps: Sequence[ActivityStep], now: datetime) -> float | None:
    """From the first beginning to the last end, or to now where there is none yet."""
    begun = [step.started_at for step in steps if step.started_at is not None]
    if not begun:
        return None
    ends = [
        step.finished_at or (now if step.status == "running" else step.started_at) for step in steps
    ]
    last = max(end for end in ends if end is not None)
    return max((last - min(begun)).total_seconds(), 0.0)


def _told(lines: Sequence[Line], behind: int, ending: Ending | None) -> str:
    if ending is not None:
        return f"{ending.headline}. {ending.sentence}"
    doing = [line.name for line in lines if line.state == "running"]
    now = f" Now: {', '.join(doing)}." if doing else ""
    return f"{behind} of {len(lines)} steps are done.{now}"


def _clustering_end(state: WorkflowState) -> Ending:
    result: Mapping[str, Any] = state.result or {}
    if state.status == "completed" and result.get("status") == "skipped":
        reason = sentence(result.get("skip_reason") or "", _NO_REASON)
        advice = "Send more traces, summarize those that wait, or look further back."
        return Ending("weak", "Skipped", f"{reason} {advice}", result.get(_CLUSTERING))
    if state.status == "completed":
        return _clustered(result)
    return _stopped(state, "Start it with fewer days or fewer traces.")


def _clustered(result: Mapping[str, Any]) -> Ending:
    sampled = count(result.get("sampled_traces"))
    found = f"{count(len(result.get('clusters') or ()))} clusters in {sampled} traces"
    run_id = result.get(_CLUSTERING)
    match result.get("verdict"):
        case "degenerate":
            why = f"It divided {sampled} traces, but the groups say nothing about them."
            return Ending("bad", "Not an answer", why, run_id)
        case "weak":
            return Ending("weak", "Done", f"{found}, to be read with care.", run_id)
        case _:
            return Ending("good", "Done", f"{found}.", run_id)


def _summarization_end(state: WorkflowState) -> Ending:
    if state.status != "completed":
        return _stopped(state, "What it had not done waits for the next one.")
    result: Mapping[str, Any] = state.result or {}
    done, failed = result.get("summarized") or 0, result.get("failed") or 0
    summarized = f"{count(done)} {'trace was' if done == 1 else 'traces were'} summarized."
    if not done and not failed:
        return Ending("none", "Nothing was waiting", "Every trace has its summary already.")
    if failed:
        why = sentence((result.get("failures") or [""])[0], "the log of the service says why")
        return Ending("weak", "Done in part", f"{summarized} {count(failed)} failed. {why}")
    return Ending("good", "Done", f"{summarized} They can be clustered now.")


def _stopped(state: WorkflowState, advice_on_time: str) -> Ending:
    reason = sentence(state.failure or "", _NO_REASON)
    match state.status:
        case "cancelled":
            return Ending("none", "Cancelled", "It was ended before it was done.")
        case "timed_out":
            return Ending("bad", "It took too long", advice_on_time)
        case _:
            advice = "Start it again; if it fails again, the log of the service says more."
            return Ending("bad", "It failed", f"{reason} {advice}")
