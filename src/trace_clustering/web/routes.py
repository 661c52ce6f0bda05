"""The API's routes: teams, traces in, runs, workflows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from trace_clustering import __version__
from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.errors import NotFoundError
from trace_clustering.ingestion import IngestReport, ingest_lines
from trace_clustering.inputs import (
    checked_int,
    parse_clustering_inputs,
    parse_coordinator_inputs,
    resolve_window,
)
from trace_clustering.models import ClusteringInputs, RunRecord, WorkflowState
from trace_clustering.settings import Settings
from trace_clustering.web.access import Access
from trace_clustering.web.bodies import (
    CoordinatorRequest,
    Health,
    RunList,
    RunRequest,
    Started,
    TeamList,
)
from trace_clustering.web.services import Services
from trace_clustering.web.stories import Stories

router = APIRouter()

RUN_SETTINGS = ("lookback_days", "max_samples", "min_k", "max_k", "seed")
"""What a run takes from the settings where it is not given."""

_COORDINATOR_SETTINGS = (
    *RUN_SETTINGS,
    "min_embeddings",
    "max_concurrent_teams",
    "allowed_team_ids",
)


def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def get_stories(request: Request) -> Stories:
    stories: Stories = request.app.state.stories
    return stories


def get_team_id(team_id: Annotated[str, Path(description="Team id.")]) -> int:
    return checked_int("team_id", team_id)


Given = Annotated[Services, Depends(get_services)]
RunStories = Annotated[Stories, Depends(get_stories)]
TeamId = Annotated[int, Depends(get_team_id)]
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/healthz", tags=["service"])
def healthz(services: Given) -> Health:
    """Whether the service and its store answer."""
    services.store.ping()
    return Health("ok", __version__)


@router.get("/metrics", tags=["service"], response_class=Response)
async def metrics(services: Given) -> Response:
    """Prometheus text: this process, the clustering runs and the Temporal SDK."""
    body = generate_latest() + await services.sdk_metrics()
    return Response(body, media_type=CONTENT_TYPE_LATEST)


@router.get("/api/v1/config", tags=["service"])
def config(services: Given) -> dict[str, list[dict[str, Any]]]:
    """Every setting, its value and where it came from; secrets are masked."""
    return {"settings": services.describe_settings()}


@router.get("/api/v1/teams", tags=["teams"])
def teams(request: Request, services: Given) -> TeamList:
    """Teams with usable embeddings, as far as the token may see them."""
    access: Access = request.state.access
    latest = services.store.events.latest_run_ids()
    found = [one for one in services.store.embeddings.teams() if access.may_see(one.team_id)]
    return TeamList([replace(team, last_run_id=latest.get(team.team_id)) for team in found])


@router.post("/api/v1/teams/{team_id}/traces", tags=["traces"])
async def ingest(
    request: Request,
    services: Given,
    team_id: TeamId,
    first_line: Annotated[int, Query(ge=1, description="Number of the body's first line.")] = 1,
) -> IngestReport:
    """Store lines of traces, OTLP requests or PostHog events; bad ones are reported.

    Their traces are summarized and embedded by the workflow that does so, or by a call of
    ``/summaries``.
    """
    body = await _bounded_body(request)
    return await run_in_threadpool(
        ingest_lines,
        services.store.events,
        team_id,
        body.split(b"\n"),
        now=datetime.now(UTC),
        first_line=first_line,
    )


@router.post("/api/v1/teams/{team_id}/runs", status_code=202, tags=["runs"])
async def start_run(services: Given, team_id: TeamId, body: RunRequest | None = None) -> Started:
    """Start clustering a team now, whether or not it is on the allowlist."""
    given = body.model_dump(exclude_none=True) if body else {}
    inputs = run_inputs(services.settings, team_id, given)
    return Started(await services.require_workflows().start_run(inputs))


def run_inputs(settings: Settings, team_id: int, given: Mapping[str, object]) -> ClusteringInputs:
    """What a run is to be started with; what is not given comes from the settings.

    Raises:
        InvalidInputError: names what cannot be accepted.
    """
    defaults = {name: getattr(settings, name) for name in RUN_SETTINGS}
    inputs = parse_clustering_inputs({**defaults, **given, "team_id": team_id})
    # The workflow does so too; whoever starts it is told of an empty window at once.
    resolve_window(inputs, datetime.now(UTC))
    return inputs


@router.post("/api/v1/coordinator/runs", status_code=202, tags=["runs"])
async def start_coordinator(services: Given, body: CoordinatorRequest | None = None) -> Started:
    """Start the coordinator now: every team with enough traces."""
    given = body.model_dump(exclude_none=True) if body else {}
    defaults = {name: getattr(services.settings, name) for name in _COORDINATOR_SETTINGS}
    inputs = parse_coordinator_inputs({**defaults, **given})
    return Started(await services.require_workflows().start_coordinator(inputs))


@router.get("/api/v1/teams/{team_id}/runs", tags=["runs"])
async def runs(services: Given, team_id: TeamId, limit: Limit = 100) -> RunList:
    """A team's runs, latest first, those that were skipped or failed among them."""
    found = await run_in_threadpool(services.store.runs.recent, team_id, limit)
    return RunList([await as_it_stands(services, run) for run in found])


@router.get("/api/v1/workflows/{workflow_id}", tags=["workflows"])
async def workflow(services: Given, workflow_id: str) -> WorkflowState:
    """How a workflow stands, activity by activity."""
    return await services.require_workflows().state(workflow_id)


@router.post("/api/v1/workflows/{workflow_id}/cancel", status_code=202, tags=["workflows"])
async def cancel(services: Given, workflow_id: str) -> Started:
    """Ask a workflow to end."""
    await services.require_workflows().cancel(workflow_id)
    return Started(workflow_id)


async def _bounded_body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise HTTPException(413, f"a request may hold {MAX_BODY_BYTES} bytes at most")
        chunks.append(chunk)
    return b"".join(chunks)


async def as_it_stands(services: Services, run: RunRecord) -> RunRecord:
    """A run that the store holds as running may have failed since: Temporal knows."""
    if run.status != "running" or services.workflows is None:
        return run
    try:
        state = await services.workflows.state(run.workflow_id, run.workflow_run_id)
    except NotFoundError:
        return replace(run, status="failed", reason="Temporal no longer knows the workflow")
    if state.status in ("running", "completed"):
        return run
    return replace(
        run, status=state.status, finished_at=state.closed_at, reason=state.failure or ""
    )
