"""The API's routes of the summarization: here and now, or as a workflow; missing vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from trace_clustering.web.bodies import Started, SummarizationRequest
from trace_clustering.web.routes import Given, TeamId

router = APIRouter(prefix="/api/v1", tags=["summaries"])

Batch = Annotated[int, Query(ge=1, le=1000, description="At most so many of them.")]


@dataclass(frozen=True)
class Summarized:
    """What one call did, and how many traces are still to be summarized."""

    summarized: int
    embedded: int
    failed: int
    fallbacks: dict[str, int]
    remaining: int


@dataclass(frozen=True)
class Backfilled:
    """How many texts got a vector, and how many still have none of the present model."""

    embedded: int
    remaining: int


@router.post("/teams/{team_id}/summaries")
def summarize(services: Given, team_id: TeamId, limit: Batch = 200) -> Summarized:
    """Summarize pending traces here and now, quiet or not; call again while some remain."""
    traces = services.store.traces
    done = services.summarization.summarize(team_id, traces.pending(team_id, limit=limit))
    return Summarized(
        summarized=done.summarized,
        embedded=done.embedded,
        failed=done.failed,
        fallbacks=done.fallbacks,
        remaining=traces.count_pending(team_id),
    )


@router.post("/teams/{team_id}/backfill")
def backfill(services: Given, team_id: TeamId, limit: Batch = 500) -> Backfilled:
    """Embed texts that have no vector of the present model; call again while some remain."""
    summarization = services.summarization
    embedded = summarization.backfill(team_id, limit)
    remaining = summarization.store.embeddings.count_without_vector(
        team_id, summarization.embedder.model_name
    )
    return Backfilled(embedded, remaining)


@router.post("/teams/{team_id}/summarization", status_code=202)
async def start_for_team(
    services: Given, team_id: TeamId, body: SummarizationRequest | None = None
) -> Started:
    """Start the workflow that summarizes a team's traces."""
    now = body is not None and body.now
    return Started(await services.require_workflows().start_summarization(team_id, now=now))


@router.post("/summarization", status_code=202)
async def start_for_all(services: Given, body: SummarizationRequest | None = None) -> Started:
    """Start the workflow that summarizes the traces of all teams."""
    now = body is not None and body.now
    return Started(await services.require_workflows().start_summarization(None, now=now))
