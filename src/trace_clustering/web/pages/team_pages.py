"""A team's page: how it stands, its latest clusters, and all of its runs."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from trace_clustering.models import RunRecord
from trace_clustering.run_reading import Judgement, judgement_of
from trace_clustering.web import urls
from trace_clustering.web.pages.shell import Crumb, render
from trace_clustering.web.pages.standing import (
    Schedules,
    as_they_stand,
    command_options,
    count_traces_of,
    known_of_team,
    read_schedules,
    with_models,
)
from trace_clustering.web.pages.team_view import TeamView, address_of, team_view
from trace_clustering.web.routes import Given, RunStories, TeamId
from trace_clustering.web.services import Services
from trace_clustering.web.stories import Stories

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

RUNS_SHOWN = 100


@dataclass(frozen=True)
class RunRow:
    """A run in the table; ``seconds`` is how long it took."""

    run: RunRecord
    address: str
    judgement: Judgement
    seconds: float | None


@router.get("/teams/{team_id}")
async def team(
    request: Request, services: Given, stories: RunStories, team_id: TeamId
) -> HTMLResponse:
    """How a team stands, and its runs, the latest first."""
    schedules = await read_schedules(services)
    stored = await run_in_threadpool(services.store.runs.recent, team_id, RUNS_SHOWN)
    runs = await as_they_stand(services, stored)
    view = await run_in_threadpool(_view, services, stories, team_id, schedules, runs)
    return render(
        request,
        "team.html.j2",
        title=f"Team {team_id}",
        crumbs=(Crumb(f"Team {team_id}"),),
        team_id=team_id,
        team=view,
        schedules=schedules,
        rows=[_row(run) for run in runs],
        most_runs=RUNS_SHOWN,
        # As the reader reaches it, so that it can be copied.
        service_url=str(request.base_url).rstrip("/"),
        options=command_options(services.settings, request.state.access),
    )


@router.post("/teams/{team_id}/summarize")
async def summarize(services: Given, team_id: TeamId) -> RedirectResponse:
    """Summarize all traces that wait, quiet or not; go on to how that gets on."""
    workflow_id = await services.require_workflows().start_summarization(team_id, now=True)
    return RedirectResponse(urls.workflow(team_id, workflow_id), 303)


def _view(
    services: Services,
    stories: Stories,
    team_id: int,
    schedules: Schedules,
    runs: list[RunRecord],
) -> TeamView:
    counts = count_traces_of(services, team_id)
    latest = runs[0] if runs else None
    known = known_of_team(services.settings, team_id, counts, schedules, latest)
    completed = next((run for run in runs if run.status == "completed"), None)
    return team_view(with_models(services, known), completed, stories)


def _row(run: RunRecord) -> RunRow:
    # A run's record has the verdict, so that no event has to be read for a row.
    judgement = judgement_of({"$ai_quality": {"verdict": run.verdict}})
    ended = run.finished_at
    return RunRow(
        run, address_of(run), judgement, (ended - run.started_at).total_seconds() if ended else None
    )
