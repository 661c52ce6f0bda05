"""What a run says, in sentences: what the traces are about, and why there is nothing to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trace_clustering.amounts import count, percent
from trace_clustering.models import RunRecord, RunStatus
from trace_clustering.plain_text import one_line
from trace_clustering.run_reading import Properties, judgement_of, title_of

_NAMED = 3
_TITLE_CHARS = 70
_MOST = 0.5  # share


@dataclass(frozen=True)
class Nothing:
    """Why a run shows no clusters, and what can be done about it."""

    headline: str
    advice: str


_NOTHING: Mapping[RunStatus, Nothing] = {
    "running": Nothing(
        "This run is not done yet",
        "A run usually takes less than a minute. Its page fills once it has ended.",
    ),
    "skipped": Nothing(
        "There was nothing to cluster",
        "Look back over more days, or wait until more traces have come in.",
    ),
    "failed": Nothing(
        "This run failed",
        "Start it again. If it fails again, the log of the worker says what happened.",
    ),
    "cancelled": Nothing("This run was cancelled", "Start another one when you want its answer."),
    "timed_out": Nothing(
        "This run took too long",
        "Start it again with fewer traces at most, or fewer numbers of clusters to try.",
    ),
    "completed": Nothing(
        "What this run found is no longer kept",
        "Old runs are deleted after a while. Start another one.",
    ),
}


def nothing_of(run: RunRecord) -> Nothing:
    """What to say of a run that has no event."""
    return _NOTHING[run.status]


def sentence_of(properties: Properties) -> str:
    """What a run says: the largest clusters, how many there are, in which traces of which days."""
    claim, scope = parts_of_sentence(properties)
    return f"{claim}: {scope}." if claim else f"{scope}."


def parts_of_sentence(properties: Properties) -> tuple[str, str]:
    """What the traces are about, empty where that cannot be told, and what is known of them."""
    clusters = sorted(properties["$ai_clusters"], key=lambda one: -one["size"])
    sampled = sum(one["size"] for one in clusters)
    within = " ".join(filter(None, (_traces(properties, sampled), days_of_run(properties))))
    if judgement_of(properties).is_no_answer or not clusters:
        return "", f"No clear groups in {within}"
    groups = "1 group" if len(clusters) == 1 else f"{len(clusters)} groups"
    shown = clusters[:_NAMED]
    if not any(one.get("title") for one in shown):
        return "", f"{groups} without names in {within}"
    mostly = sum(one["size"] for one in shown) >= _MOST * sampled
    named = _listed([_named(one, sampled) for one in shown])
    return f"{'Mostly' if mostly else 'Most often'} about {named}", f"{groups} in {within}"


def days_of_run(properties: Properties) -> str:
    """From which days, in UTC, a run has its traces; empty where that is not told."""
    start = _moment(properties.get("$ai_window_start"))
    end = _moment(properties.get("$ai_window_end"))
    if start is None or end is None:
        return ""
    # The end itself is not within.
    last = max(start, end - timedelta(microseconds=1))
    if start.date() == last.date():
        return f"on {_day(last)} (UTC)"
    return f"from {_first_day(start, last)} to {_day(last)} (UTC)"


def short_day(day: str) -> str:
    """A day in a narrow place: 7 Nov; as it stands where it is none."""
    moment = _moment(day)
    return f"{moment.day} {moment:%b}" if moment else day


def _traces(properties: Properties, sampled: int) -> str:
    analyzed = properties.get("$ai_total_traces_analyzed") or sampled
    noun = "trace" if analyzed == 1 else "traces"
    of = f" of {count(analyzed)}" if analyzed > sampled else ""
    return f"{count(sampled)}{of} {noun}"


def _named(cluster: Mapping[str, Any], sampled: int) -> str:
    title = one_line(title_of(cluster), _TITLE_CHARS)
    return f"“{title}” ({percent(cluster['size'] / sampled)})"


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _first_day(start: datetime, last: datetime) -> str:
    if (start.year, start.month) == (last.year, last.month):
        return str(start.day)
    return _day(start) if start.year != last.year else f"{start.day} {start:%B}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B} {moment.year}"


def _moment(text: object) -> datetime | None:
    try:
        known = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return known.replace(tzinfo=UTC) if known.tzinfo is None else known.astimezone(UTC)
