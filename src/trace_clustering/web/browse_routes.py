"""The API's routes of a run's traces: as a table, on the map, and as another run has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from trace_clustering.errors import NotFoundError
from trace_clustering.inputs import check_run_of, team_of_run_id
from trace_clustering.models import RunRecord
from trace_clustering.models.browsing import BrowsedTrace, Flow, TracePage
from trace_clustering.run_reading import Properties, reason_missing
from trace_clustering.store import MapPoints
from trace_clustering.web import urls
from trace_clustering.web.routes import Given, RunStories
from trace_clustering.web.run_routes import without_clusters
from trace_clustering.web.stories import RunStory
from trace_clustering.web.table_query import TableQuery, trace_filter

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

MAP_MAGIC = b"TCM1"

# A run's map never changes.
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}
_MAX_NUMBER = 2**32 - 1

Number = Annotated[int, Path(ge=0, le=_MAX_NUMBER, description="A point's place in the map.")]
Other = Annotated[str, Query(alias="with", description="A run of the same team.")]


@dataclass(frozen=True)
class FlowList:
    """Where the traces that two runs share went: from the clusters of one to those of the other."""

    flows: list[Flow]


@dataclass(frozen=True)
class PointedTrace(BrowsedTrace):
    """The trace behind a point of the map; ``url`` is that of its page."""

    url: str = ""


@router.get("/{run_id}/traces")
def traces(
    services: Given, stories: RunStories, run_id: str, query: Annotated[TableQuery, Query()]
) -> TracePage:
    """A page of the run's sampled traces."""
    run, properties = told(stories.of(run_id))
    which = trace_filter(query, properties)
    return services.store.browsing.page(
        run.team_id, run_id, which, query.sort, limit=query.size, offset=query.offset
    )


@router.get("/{run_id}/map", response_class=Response)
def run_map(services: Given, stories: RunStories, run_id: str) -> Response:
    """Where the run's sampled traces lie, as numbers; all little endian.

    ``TCM1``, then how many there are (uint32), then of all of them x and y (float32), the leaf
    (uint32, all bits set for none), the cluster (uint16) and flags (uint8; 1: it stands out).
    They come by time, then by id.
    """
    run, properties = told(stories.of(run_id))
    missing = reason_missing(properties, "map")
    if missing is not None:
        raise NotFoundError(f"run {run_id} has no map: {missing}")
    points = services.store.browsing.map_points(run.team_id, run_id)
    if not len(points.x):
        raise NotFoundError(f"run {run_id} has no map: its traces are no longer kept")
    return Response(packed(points), media_type="application/octet-stream", headers=_KEPT)


@router.get("/{run_id}/map/{number}")
def point(services: Given, answer: Response, run_id: str, number: Number) -> PointedTrace:
    """The trace behind one of the map's points."""
    team_id = team_of_run_id(run_id)
    found = services.store.browsing.at(team_id, run_id, number)
    if found is None:
        raise NotFoundError(f"run {run_id} has no trace with the number {number}")
    answer.headers.update(_KEPT)
    return PointedTrace(**vars(found), url=urls.trace(team_id, found.trace_id, run_id))


@router.get("/{run_id}/compare")
def compare(services: Given, stories: RunStories, run_id: str, other: Other) -> FlowList:
    """How the traces moved that the run shares with another one of its team."""
    run, _ = told(stories.of(run_id))
    check_run_of(run.team_id, "with", other)
    told(stories.of(other))
    return FlowList(services.store.browsing.flows(run.team_id, other, run_id))


def told(story: RunStory) -> tuple[RunRecord, Properties]:
    """A run that found clusters, and what its event says.

    Raises:
        NotFoundError: it emitted no event.
    """
    if story.properties is None:
        raise without_clusters(story.run)
    return story.run, story.properties


def packed(points: MapPoints) -> bytes:
    """A map in the form that ``run_map`` tells of."""
    flags = points.is_outlier.astype(np.uint8)
    columns = (
        *(points.x.astype("<f4"), points.y.astype("<f4")),
        *(points.leaf.astype("<u4"), points.cluster.astype("<u2"), flags),
    )
    size = np.array(len(points.x), "<u4").tobytes()
    return b"".join((MAP_MAGIC, size, *(column.tobytes() for column in columns)))
