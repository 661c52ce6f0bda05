"""The API's routes for the coordinator's schedule."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from trace_clustering.web.bodies import PauseRequest
from trace_clustering.web.routes import Given

router = APIRouter(prefix="/api/v1/schedule", tags=["schedule"])


@router.get("")
async def show(services: Given) -> dict[str, Any]:
    """The schedule as it is: paused or not, and its next runs."""
    return await services.require_workflows().describe_schedule()


@router.put("")
async def create(services: Given) -> dict[str, Any]:
    """Create the schedule as the settings say, or bring it up to date."""
    change = await services.require_workflows().ensure_schedule()
    return {"change": change, **await services.require_workflows().describe_schedule()}


@router.post("/pause")
async def pause(services: Given, body: PauseRequest | None = None) -> dict[str, Any]:
    """Start no scheduled run until resumed."""
    await services.require_workflows().pause_schedule(body.note if body else None)
    return await services.require_workflows().describe_schedule()


@router.post("/resume")
async def resume(services: Given) -> dict[str, Any]:
    """Start scheduled runs again."""
    await services.require_workflows().resume_schedule()
    return await services.require_workflows().describe_schedule()


@router.post("/trigger", status_code=202)
async def trigger(services: Given) -> dict[str, Any]:
    """Start the scheduled coordinator now, unless it is running."""
    await services.require_workflows().trigger_schedule()
    return await services.require_workflows().describe_schedule()


@router.delete("")
async def delete(services: Given) -> dict[str, str]:
    """Delete the schedule; the next worker to start creates it again."""
    await services.require_workflows().delete_schedule()
    return {"change": "deleted"}
