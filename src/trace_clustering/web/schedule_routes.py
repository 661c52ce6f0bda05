"""The API's routes for the schedules: the clustering's, and ``of=summarization``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from trace_clustering.models import ScheduleName
from trace_clustering.web.bodies import PauseRequest
from trace_clustering.web.routes import Given

router = APIRouter(prefix="/api/v1/schedule", tags=["schedule"])

Of = Annotated[ScheduleName, Query(description="Which of the schedules.")]


@router.get("")
async def show(services: Given, of: Of = "clustering") -> dict[str, Any]:
    """A schedule as it is: paused or not, and its next runs."""
    return await services.require_workflows().describe_schedule(of)


@router.put("")
async def create(services: Given, of: Of = "clustering") -> dict[str, Any]:
    """Create a schedule as the settings say, or bring it up to date."""
    change = await services.require_workflows().ensure_schedule(of)
    return {"change": change, **await services.require_workflows().describe_schedule(of)}


@router.post("/pause")
async def pause(
    services: Given, body: PauseRequest | None = None, of: Of = "clustering"
) -> dict[str, Any]:
    """Start no scheduled run until resumed."""
    await services.require_workflows().pause_schedule(body.note if body else None, of)
    return await services.require_workflows().describe_schedule(of)


@router.post("/resume")
async def resume(services: Given, of: Of = "clustering") -> dict[str, Any]:
    """Start scheduled runs again."""
    await services.require_workflows().resume_schedule(of)
    return await services.require_workflows().describe_schedule(of)


@router.post("/trigger", status_code=202)
async def trigger(services: Given, of: Of = "clustering") -> dict[str, Any]:
    """Start the scheduled coordinator now, unless it is running."""
    await services.require_workflows().trigger_schedule(of)
    return await services.require_workflows().describe_schedule(of)


@router.delete("")
async def delete(services: Given, of: Of = "clustering") -> dict[str, str]:
    """Delete a schedule; the next worker to start creates it again."""
    await services.require_workflows().delete_schedule(of)
    return {"change": "deleted"}
