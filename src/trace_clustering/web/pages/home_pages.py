"""The first page: the state of the system, and every team at a glance."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from trace_clustering.models import RunRecord
from trace_clustering.settings import Settings
from trace_clustering.web.access import Access
from trace_clustering.web.pages.shell import render
from trace_clustering.web.pages.standing import (
    Counts,
    Schedules,
    as_they_stand,
    command_options,
    count_traces,
    known_of_team,
    latest_runs,
    read_schedules,
    temporal_ui_of,
)
from trace_clustering.web.pages.team_view import TeamView, team_view
from trace_clustering.web.routes import Given, RunStories
from trace_clustering.web.services import Services
from trace_clustering.web.stories import Stories

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

TEAMS_ON_A_PAGE = 24


@router.get("/")
async def home(
    request: Request, services: Given, stories: RunStories, page: Annotated[int, Query(ge=1)] = 1
) -> HTMLResponse:
    """Teams that the token may see, and the state of the system."""
    access: Access = request.state.access
    schedules = await read_schedules(services)
    counts = await run_in_threadpool(count_traces, services)
    seen = [team_id for team_id in counts.team_ids if access.may_see(team_id)]
    last = max(1, -(-len(seen) // TEAMS_ON_A_PAGE))
    page = min(page, last)
    shown = seen[(page - 1) * TEAMS_ON_A_PAGE : page * TEAMS_ON_A_PAGE]
    views = await _views(services, stories, shown, counts, schedules)
    return render(
        request,
        "home.html.j2",
        title="Teams",
        teams=views,
        total_teams=len(seen),
        total_traces=sum(counts.traces.get(team_id, 0) for team_id in seen),
        total_waiting=sum(counts.waiting.get(team_id, 0) for team_id in seen),
        schedules=schedules,
        models=_models(services.settings) if access.teams is None else (),
        temporal_ui=temporal_ui_of(services, request),
        # As the reader reaches it, so that it can be copied.
        service_url=str(request.base_url).rstrip("/"),
        options=command_options(services.settings, access),
        page=page,
        last=last,
    )


async def _views(
    services: Services,
    stories: Stories,
    team_ids: list[int],
    counts: Counts,
    schedules: Schedules,
) -> list[TeamView]:
    def look(team_ids: list[int]) -> list[tuple[RunRecord | None, RunRecord | None]]:
        return [latest_runs(services, team_id) for team_id in team_ids]

    runs = await run_in_threadpool(look, team_ids)
    standing = await as_they_stand(services, [latest for latest, _ in runs if latest])
    by_team = {run.team_id: run for run in standing}

    def view() -> list[TeamView]:
        return [
            team_view(
                known_of_team(services.settings, one, counts, schedules, by_team.get(one)),
                completed,
                stories,
            )
            for one, (_, completed) in zip(team_ids, runs, strict=True)
        ]

    return await run_in_threadpool(view)


def _models(settings: Settings) -> tuple[tuple[str, str], ...]:
    """What makes vectors and names, by name."""
    embedder = settings.embedding_model or settings.embedder
    return (
        ("Vectors by", "the built-in model" if embedder == "builtin" else embedder),
        ("Summaries and names by", settings.llm_model or "rules, no language model"),
    )
