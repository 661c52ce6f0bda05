"""The API's routes: teams, traces in, runs, workflows."""

from __future__ import annotations

import json
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
    team_of_run_id,
)
from trace_clustering.models import RunRecord, WorkflowState
from trace_clustering.web.bodies import (
    Cluster,
    CoordinatorRequest,
    Health,
    RunDetail,
    RunList,
    RunRequest,
    Started,
    TeamList,
)
from trace_clustering.web.services import Services

router = APIRouter()

_DEFAULTS = ("lookback_days", "max_samples", "min_k", "max_k", "seed")
_COORDINATOR_DEFAULTS = (
    *_DEFAULTS,
    "min_embeddings",
    "max_concurrent_teams",
    "allowed_team_ids",
)


def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def get_team_id(team_id: Annotated[str, Path(description="Team id.")]) -> int:
    return checked_int("team_id", team_id)


Given = Annotated[Services, Depends(get_services)]
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
def teams(services: Given) -> TeamList:
    """Teams with usable embeddings."""
    latest = services.store.events.latest_run_ids()
    found = services.store.embeddings.teams()
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
    defaults = {name: getattr(services.settings, name) for name in _DEFAULTS}
    inputs = parse_clustering_inputs({**defaults, **given, "team_id": team_id})
    # The workflow does so too; here a window that is empty is answered with 422.
    resolve_window(inputs, datetime.now(UTC))
    return Started(await services.require_workflows().start_run(inputs))


@router.post("/api/v1/coordinator/runs", status_code=202, tags=["runs"])
async def start_coordinator(services: Given, body: CoordinatorRequest | None = None) -> Started:
    """Start the coordinator now: every team with enough traces."""
    given = body.model_dump(exclude_none=True) if body else {}
    defaults = {name: getattr(services.settings, name) for name in _COORDINATOR_DEFAULTS}
    inputs = parse_coordinator_inputs({**defaults, **given})
    return Started(await services.require_workflows().start_coordinator(inputs))


@router.get("/api/v1/teams/{team_id}/runs", tags=["runs"])
async def runs(services: Given, team_id: TeamId, limit: Limit = 100) -> RunList:
    """A team's runs, latest first, those that were skipped or failed among them."""
    found = await run_in_threadpool(services.store.runs.recent, team_id, limit)
    return RunList([await _as_it_stands(services, run) for run in found])


@router.get("/api/v1/runs/{run_id}", tags=["runs"])
async def run(
    services: Given, run_id: str, members: Annotated[int, Query(ge=0, le=1000)] = 3
) -> RunDetail:
    """A run with its clusters, each with the traces closest to its centroid."""
    record = await run_in_threadpool(_record, services, run_id)
    detail = await run_in_threadpool(_detail, services, record, members)
    return replace(detail, run=await _as_it_stands(services, record))


@router.get("/api/v1/runs/{run_id}/event", tags=["runs"], response_class=Response)
def event(services: Given, run_id: str) -> Response:
    """The properties of the run's event, exactly as stored."""
    properties = services.store.events.properties(team_of_run_id(run_id), run_id)
    if properties is None:
        raise NotFoundError(f"run {run_id} emitted no event")
    return Response(properties, media_type="application/json")


@router.get("/api/v1/runs/{run_id}/clusters/{cluster_id}", tags=["runs"])
def cluster(services: Given, run_id: str, cluster_id: int, limit: Limit = 20) -> Cluster:
    """One cluster of a run, with the traces closest to its centroid."""
    found = {one.cluster_id: one for one in _clusters(services, _record(services, run_id), 0)}
    if cluster_id not in found:
        raise NotFoundError(f"run {run_id} has no cluster {cluster_id}")
    members = services.store.runs.members(
        team_of_run_id(run_id), run_id, cluster_id=cluster_id, limit=limit
    )
    return replace(found[cluster_id], members=members)


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


def _record(services: Services, run_id: str) -> RunRecord:
    record = services.store.runs.get(team_of_run_id(run_id), run_id)
    if record is None:
        raise NotFoundError(f"there is no run {run_id}")
    return record


def _facts(services: Services, record: RunRecord) -> dict[str, Any] | None:
    properties = services.store.events.properties(record.team_id, record.run_id)
    facts: dict[str, Any] | None = json.loads(properties) if properties else None
    return facts


def _detail(services: Services, record: RunRecord, members: int) -> RunDetail:
    facts = _facts(services, record)
    clusters = _clusters(services, record, members, facts)
    if facts is not None:
        facts = {name: value for name, value in facts.items() if name != "$ai_clusters"}
    return RunDetail(record, facts, clusters)


def _clusters(
    services: Services, record: RunRecord, members: int, facts: dict[str, Any] | None = None
) -> list[Cluster]:
    facts = facts or _facts(services, record)
    if facts is None:
        return []
    runs = services.store.runs
    closest = runs.representatives(record.team_id, record.run_id, limit=members) if members else []
    total = sum(one["size"] for one in facts["$ai_clusters"])
    return [
        Cluster(
            cluster_id=one["cluster_id"],
            size=one["size"],
            share=one["size"] / total,
            members=[m for m in closest if m.cluster_id == one["cluster_id"]],
        )
        for one in facts["$ai_clusters"]
    ]


async def _as_it_stands(services: Services, run: RunRecord) -> RunRecord:
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
