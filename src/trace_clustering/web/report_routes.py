"""The API's route of a run as a page that can be kept, sent and read anywhere."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from trace_clustering.web.report import Report, content_policy, report_page
from trace_clustering.web.routes import Given
from trace_clustering.web.run_routes import without_clusters
from trace_clustering.web.services import Services
from trace_clustering.web.stories import properties_of, record_of

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])


@router.get("/{run_id}/report", response_class=HTMLResponse)
def report(services: Given, run_id: str) -> HTMLResponse:
    """The run as one page of HTML that needs nothing beside itself."""
    page = report_page(_report(services, run_id))
    # Within the page itself, what may frame it cannot be said.
    policy = f"{content_policy()}; frame-ancestors 'none'"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})


def _report(services: Services, run_id: str) -> Report:
    run = record_of(services.store, run_id)
    properties = properties_of(services.store, run_id)
    if properties is None:
        raise without_clusters(run)
    texts = services.store.findings.texts(run.team_id, run_id)
    return Report(run, properties, {text.trace_id: text.opening for text in texts})
