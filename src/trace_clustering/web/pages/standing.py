"""What the pages ask of Temporal and the store to say how things stand.

A page comes also while Temporal does not answer: it then says so.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlsplit

from fastapi import Request

from trace_clustering.addresses import is_loopback
from trace_clustering.errors import NotFoundError, ServiceError
from trace_clustering.inputs import resolve_window
from trace_clustering.models import ClusteringInputs, RunRecord, ScheduleName
from trace_clustering.settings import Settings, default_data_dir
from trace_clustering.web.access import Access
from trace_clustering.web.guard import is_near
from trace_clustering.web.routes import as_it_stands
from trace_clustering.web.services import Services
from trace_clustering.web.team_state import ScheduleKnown, TeamKnown

PATIENCE_SECONDS = 3
"""That a page waits for Temporal; a client of it would wait for longer."""

_RUNS_LOOKED_AT = 20

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Schedules:
    """Both schedules, as far as they are known."""

    clustering: ScheduleKnown
    summarization: ScheduleKnown

    @property
    def does_temporal_answer(self) -> bool:
        return self.clustering.standing not in ("unreachable", "absent")


@dataclass(frozen=True)
class Counts:
    """Of every team, by its id, how many traces there are.

    Attributes:
        traces: with a usable vector.
        recent: those of them in the window of a scheduled run.
        waiting: to be summarized.
    """

    traces: Mapping[int, int]
    recent: Mapping[int, int]
    waiting: Mapping[int, int]

    @cached_property
    def team_ids(self) -> list[int]:
        return sorted({*self.traces, *self.waiting})


async def read_schedules(services: Services) -> Schedules:
    clustering, summarization = await asyncio.gather(
        _schedule(services, "clustering"), _schedule(services, "summarization")
    )
    return Schedules(clustering, summarization)


async def in_time(asked: Awaitable[Answer]) -> Answer:
    """What Temporal answers, if it does so while a page can wait.

    Raises:
        ServiceError: it does not.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asked
    except TimeoutError:
        raise ServiceError(f"Temporal did not answer within {PATIENCE_SECONDS} seconds") from None


async def as_far_as_known(services: Services, run: RunRecord) -> RunRecord:
    """A run that the store holds as running may have ended since, if Temporal can tell."""
    try:
        return await in_time(as_it_stands(services, run))
    except ServiceError:
        return run


async def as_they_stand(services: Services, runs: Iterable[RunRecord]) -> list[RunRecord]:
    """The same of several runs."""
    return list(await asyncio.gather(*(as_far_as_known(services, run) for run in runs)))


def temporal_ui_of(services: Services, request: Request) -> str | None:
    """Where Temporal's own page is, for those who may see all teams: it tells of every workflow.

    None where it is on this machine alone, and whoever asks is on another.
    """
    address, access = services.temporal_ui, request.state.access
    if address is None or access.teams is not None:
        return None
    is_here = is_loopback(urlsplit(address).hostname or "")
    return address if not is_here or is_near(request.url.hostname or "") else None


def command_options(settings: Settings, access: Access) -> str:
    """What commands that are shown need, beside their own, to reach this service; may be empty."""
    is_elsewhere = settings.is_store_embedded and settings.data_dir != default_data_dir()
    if not is_elsewhere or access.teams is not None:
        return ""
    return f"--data-dir {shlex.quote(str(settings.data_dir))}"


def count_traces(services: Services) -> Counts:
    """How many traces every team has; looks across all teams."""
    store, settings = services.store, services.settings
    now = datetime.now(UTC)
    window = resolve_window(ClusteringInputs(0, lookback_days=settings.lookback_days), now)
    stored = store.embeddings.teams()
    recent = store.embeddings.teams(window=window)
    return Counts(
        {team.team_id: team.traces for team in stored},
        {team.team_id: team.traces for team in recent},
        store.traces.waiting_by_team(),
    )


def count_traces_of(services: Services, team_id: int) -> Counts:
    """How many traces one team has."""
    store, settings = services.store, services.settings
    now = datetime.now(UTC)
    inputs = ClusteringInputs(team_id, lookback_days=settings.lookback_days)
    waiting = store.traces.count_pending(team_id)
    return Counts(
        {team.team_id: team.traces for team in store.embeddings.teams(allowed=[team_id])},
        {team_id: count_in_window(services, inputs, now)},
        {team_id: waiting} if waiting else {},
    )


def count_in_window(services: Services, inputs: ClusteringInputs, now: datetime) -> int:
    """How many traces with a usable vector lie in the window of a run that starts now.

    Raises:
        InvalidInputError: the window is empty.
    """
    window = resolve_window(inputs, now)
    found = services.store.embeddings.teams(window=window, allowed=[inputs.team_id])
    return found[0].traces if found else 0


def latest_runs(services: Services, team_id: int) -> tuple[RunRecord | None, RunRecord | None]:
    """A team's latest run, and the latest that completed, if it is among the last ones."""
    runs = services.store.runs.recent(team_id, _RUNS_LOOKED_AT)
    completed = (run for run in runs if run.status == "completed")
    return (runs[0] if runs else None), next(completed, None)


def known_of_team(
    settings: Settings,
    team_id: int,
    counts: Counts,
    schedules: Schedules,
    latest: RunRecord | None,
) -> TeamKnown:
    allowed = settings.allowed_team_ids
    return TeamKnown(
        team_id=team_id,
        traces=counts.traces.get(team_id, 0),
        recent=counts.recent.get(team_id, 0),
        waiting=counts.waiting.get(team_id, 0),
        latest=latest,
        clustering=schedules.clustering,
        summarization=schedules.summarization,
        needed=settings.min_traces,
        needed_for_schedule=settings.min_embeddings,
        lookback_days=settings.lookback_days,
        quiet_minutes=settings.summary_quiet_minutes,
        is_allowed=not allowed or team_id in allowed,
    )


def with_models(services: Services, known: TeamKnown) -> TeamKnown:
    """The same with whose vectors a run would take, and whose new ones are."""
    embeddings, settings = services.store.embeddings, services.settings
    inputs = ClusteringInputs(known.team_id, lookback_days=settings.lookback_days)
    window = resolve_window(inputs, datetime.now(UTC))
    family = embeddings.find_family(
        known.team_id, window, embeddings.now_micros(), settings.rendering
    )
    return replace(
        known,
        vector_model=family.model_name if family else "",
        model=services.summarization.embedder.model_name,
    )


async def _schedule(services: Services, which: ScheduleName) -> ScheduleKnown:
    if services.workflows is None:
        return ScheduleKnown("absent")
    try:
        found = await in_time(services.workflows.describe_schedule(which))
    except NotFoundError:
        return ScheduleKnown("missing")
    except ServiceError:
        return ScheduleKnown("unreachable")
    coming, gone = found.get("next_runs") or (), found.get("recent_runs") or ()
    return ScheduleKnown(
        "paused" if found["paused"] else "on",
        next_at=datetime.fromisoformat(coming[0]) if coming else None,
        last_at=datetime.fromisoformat(gone[-1]) if gone else None,
        note=found["note"] or "",
    )
