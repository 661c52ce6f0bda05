"""The page of a run: what it says, how far to trust it, its clusters, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from trace_clustering.errors import NotFoundError, ServiceError
from trace_clustering.inputs import check_run_of, team_of_run_id
from trace_clustering.models import ActivityStep, RunRecord
from trace_clustering.web import urls
from trace_clustering.web.pages.run_view import run_view
from trace_clustering.web.pages.run_words import nothing_of
from trace_clustering.web.pages.shell import Crumb, render, run_crumb
from trace_clustering.web.pages.standing import as_far_as_known, in_time, temporal_ui_of
from trace_clustering.web.pages.team_view import progress_address_of
from trace_clustering.web.progress import step_name
from trace_clustering.web.routes import Given, RunStories
from trace_clustering.web.services import Services
from trace_clustering.web.stories import RunStory, Stories

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

View = Literal["map", "treemap"]
Level = Annotated[int, Query(ge=0, le=1000, description="Of the tree; 0 are the clusters.")]

MAX_RUNS = 30
"""So many of a team's latest runs can be chosen from."""

_MAX_OUTLIERS = 10


@dataclass(frozen=True)
class _Found:
    """What the store holds for the page of a run.

    Attributes:
        recent: the team's latest runs, whatever became of them.
        completed: its latest ones with clusters.
    """

    story: RunStory
    recent: list[RunRecord]
    completed: list[RunRecord]
    openings: Mapping[str, str]


@router.get("/runs/{run_id}")
async def run_page(
    request: Request,
    services: Given,
    stories: RunStories,
    run_id: str,
    level: Level = 0,
    view: View = "map",
    go: str = "",
) -> Response:
    """What a run found; ``go`` leads on to another run of the same team."""
    if go:
        check_run_of(team_of_run_id(run_id), "go", go)
        return RedirectResponse(urls.run(go, view=_unusual(view)), 303)
    found = await run_in_threadpool(_find, services, stories, run_id)
    run = await as_far_as_known(services, found.story.run)
    if found.story.properties is None:
        return await run_in_threadpool(_empty_page, request, services, found, view, run)
    steps = await _steps(services, run)
    return await run_in_threadpool(_page, request, services, found, level, view, steps)


def choices_of(recent: list[RunRecord], run: RunRecord) -> list[RunRecord]:
    """The runs to choose from, the latest first; the one that is shown is always among them."""
    known = [one for one in recent if one.run_id != run.run_id]
    return sorted([*known, run], key=lambda one: (one.started_at, one.run_id), reverse=True)


def run_before(runs: list[RunRecord], run: RunRecord) -> RunRecord | None:
    """The latest of some runs before this one."""
    earlier = [one for one in runs if (one.started_at, one.run_id) < (run.started_at, run.run_id)]
    return max(earlier, key=lambda one: (one.started_at, one.run_id), default=None)


def _find(services: Services, stories: Stories, run_id: str) -> _Found:
    story = stories.of(run_id)
    team_id, store, runs = story.run.team_id, services.store, services.store.runs
    outliers = ((story.properties or {}).get("$ai_outliers") or {}).get("traces") or ()
    ids = [one["trace_id"] for one in outliers[:_MAX_OUTLIERS]]
    openings = store.browsing.openings(team_id, run_id, ids)
    completed = runs.recent(team_id, MAX_RUNS, status="completed")
    return _Found(story, runs.recent(team_id, MAX_RUNS), completed, openings)


async def _steps(services: Services, run: RunRecord) -> list[ActivityStep]:
    """What the run's workflow did, if Temporal still knows and says so in time."""
    if services.workflows is None:
        return []
    try:
        state = await in_time(services.workflows.state(run.workflow_id, run.workflow_run_id))
    except (NotFoundError, ServiceError):
        return []
    return state.steps


def _page(
    request: Request,
    services: Services,
    found: _Found,
    level: int,
    view: View,
    steps: list[ActivityStep],
) -> Response:
    run, properties = found.story.run, found.story.properties
    assert properties is not None
    return render(
        request,
        "run.html.j2",
        title=f"Run of team {run.team_id}",
        team_id=run.team_id,
        view=view,
        openings=found.openings,
        steps=steps,
        step_name=step_name,
        **_frame(request, services, found, view, run),
        **vars(run_view(run, properties, level, _MAX_OUTLIERS)),
    )


def _empty_page(
    request: Request, services: Services, found: _Found, view: View, run: RunRecord
) -> Response:
    return render(
        request,
        "run_empty.html.j2",
        title=f"Run of team {run.team_id}",
        team_id=run.team_id,
        nothing=nothing_of(run),
        progress=progress_address_of(run),
        **_frame(request, services, found, view, run),
    )


def _frame(
    request: Request, services: Services, found: _Found, view: View, run: RunRecord
) -> dict[str, Any]:
    base = temporal_ui_of(services, request)
    namespace = services.settings.temporal_namespace
    return {
        "crumbs": (Crumb(f"Team {run.team_id}", urls.team(run.team_id)), run_crumb(run)),
        "run": run,
        "choices": choices_of(found.recent, run),
        "before": run_before(found.completed, run),
        "can_compare": any(one.run_id != run.run_id for one in found.completed),
        "shown_view": _unusual(view),
        "temporal": urls.temporal_workflow(base, namespace, run) if base else None,
    }


def _unusual(view: View) -> str | None:
    return None if view == "map" else view
