"""How a workflow gets on, step by step, and the button that ends it."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from trace_clustering import constants as c
from trace_clustering.errors import NotFoundError
from trace_clustering.inputs import is_workflow_of
from trace_clustering.web import urls
from trace_clustering.web.pages.shell import Crumb, render
from trace_clustering.web.pages.standing import in_time
from trace_clustering.web.progress import progress_of
from trace_clustering.web.routes import Given, TeamId

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)


@router.get("/teams/{team_id}/workflows/{workflow_id}")
async def progress(
    request: Request, services: Given, team_id: TeamId, workflow_id: str
) -> HTMLResponse:
    """How a run or a summarization gets on, and what came of it."""
    _check_team(team_id, workflow_id)
    state = await in_time(services.require_workflows().state(workflow_id))
    is_summarization = workflow_id.startswith(c.SUMMARIZATION_WORKFLOW_NAME)
    now = datetime.now(UTC)
    title = "Summarization" if is_summarization else "Run"
    return render(
        request,
        "progress.html.j2",
        title=f"{title} of team {team_id}",
        crumbs=(Crumb(f"Team {team_id}", urls.team(team_id)), Crumb(title)),
        team_id=team_id,
        state=state,
        progress=progress_of(state, is_summarization=is_summarization, now=now),
        seconds=((state.closed_at or now) - state.started_at).total_seconds(),
    )


@router.post("/teams/{team_id}/workflows/{workflow_id}/cancel")
async def cancel(services: Given, team_id: TeamId, workflow_id: str) -> RedirectResponse:
    """Ask a workflow to end; one that has ended already is left as it is."""
    _check_team(team_id, workflow_id)
    workflows = services.require_workflows()
    state = await in_time(workflows.state(workflow_id))
    if state.status == "running":
        await workflows.cancel(workflow_id)
    return RedirectResponse(urls.workflow(team_id, workflow_id), 303)


def _check_team(team_id: int, workflow_id: str) -> None:
    """Raises NotFoundError if the workflow is another team's, or no team's."""
    if not is_workflow_of(team_id, workflow_id):
        raise NotFoundError(f"team {team_id} has no workflow {workflow_id!r}")
