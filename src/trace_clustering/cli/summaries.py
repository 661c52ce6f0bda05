"""Lets the service summarize and embed until nothing remains, showing how far it has come."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trace_clustering.cli.client import ApiClient
from trace_clustering.cli.console import counted
from trace_clustering.errors import ServiceError

# A language model may take half a minute for each; what answers fast is soon asked for more.
FIRST_LIMIT, LARGEST_LIMIT = 4, 512
QUICK_SECONDS, SLOW_SECONDS = 2.0, 10.0


@dataclass
class Summaries:
    """What became of a team's traces.

    Attributes:
        summarized: traces.
        embedded: texts that got a vector; two a trace.
        failed: traces.
        fallbacks: how many traces have the extractive summary because the language model's could
            not be used, by reason.
    """

    summarized: int = 0
    embedded: int = 0
    failed: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def sentence(self) -> str:
        if not (self.summarized or self.failed):
            return "Nothing to summarize."
        parts = [
            f"{counted(self.summarized, 'trace')} summarized",
            f"{counted(self.embedded, 'text')} embedded",
        ]
        if self.failed:
            parts.append(f"{counted(self.failed, 'trace')} failed")
        if self.fallbacks:
            reasons = ", ".join(f"{reason}: {n:,}" for reason, n in sorted(self.fallbacks.items()))
            fallen = f"{sum(self.fallbacks.values()):,} without the language model ({reasons})"
            parts.append(fallen)
        return ", ".join(parts) + "."


async def summarize_pending(
    api: ApiClient, err: Console, team_id: int, doing: str = "summarizing"
) -> Summaries:
    """Summarize all traces of a team that wait for it, those of just now too.

    Traces that fail may wait on, for the schedule to try them again.

    Raises:
        ServiceError: the service does not answer, or nothing comes of asking it.
    """
    answers = await _drain(api, err, f"/api/v1/teams/{team_id}/summaries", "summarized", doing)
    sums = Counter[str]()
    fallbacks = Counter[str]()
    for answer in answers:
        sums.update({name: answer[name] for name in ("summarized", "embedded", "failed")})
        fallbacks.update(answer["fallbacks"])
    # One that failed and waits on may have failed in several answers.
    failed = answers[-1]["remaining"] or sums["failed"]
    return Summaries(sums["summarized"], sums["embedded"], failed, dict(fallbacks))


async def backfill(api: ApiClient, err: Console, team_id: int) -> int:
    """Make a team's missing vectors of the present model; returns how many.

    Raises:
        ServiceError: the service does not answer, or nothing comes of asking it.
    """
    path = f"/api/v1/teams/{team_id}/backfill"
    answers = await _drain(api, err, path, "embedded", f"embedding team {team_id}")
    return sum(answer["embedded"] for answer in answers)


async def _drain(
    api: ApiClient, err: Console, path: str, success: str, doing: str
) -> list[Mapping[str, Any]]:
    """Ask again and again until nothing remains but what has just failed.

    ``success`` is the count of what went well. Returns all answers, at least one.
    """
    answers: list[Mapping[str, Any]] = []
    done, limit = 0, FIRST_LIMIT
    with _count_bar(err) as progress:
        task = progress.add_task(doing, total=None)
        while True:
            began = time.monotonic()
            answer = await api.post(path, limit=limit)
            answers.append(answer)
            done += answer[success]
            remaining, failed = answer["remaining"], answer.get("failed", 0)
            progress.update(task, completed=done, total=done + remaining)
            if not answer[success] and failed >= remaining:
                return answers
            if not (answer[success] or failed):
                raise ServiceError(
                    f"{doing} gets no further: {remaining:,} remain; the service's log says why"
                )
            if not remaining:
                return answers
            limit = next_limit(limit, time.monotonic() - began)


def next_limit(limit: int, seconds: float) -> int:
    """How many to ask for, when so many took so long: an answer should take a few seconds."""
    if seconds < QUICK_SECONDS:
        return min(limit * 2, LARGEST_LIMIT)
    return max(limit // 2, 1) if seconds > SLOW_SECONDS else limit


def _count_bar(err: Console) -> Progress:
    """A bar over a number of things, on standard error."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
    )
