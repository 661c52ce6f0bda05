"""The API's routes of a run: what it found, cluster by cluster, and what stands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from trace_clustering.errors import NotFoundError
from trace_clustering.inputs import team_of_run_id
from trace_clustering.models import Member, RunRecord
from trace_clustering.run_reading import judgement_of, reason_missing
from trace_clustering.web.bodies import (
    Cluster,
    ClusterDetail,
    Example,
    OutlierList,
    OutlierRow,
    RunDetail,
)
from trace_clustering.web.routes import Given, Limit, as_it_stands
from trace_clustering.web.services import Services
from trace_clustering.web.stories import properties_of, record_of, without

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

_SAME_WORDS = 0.7  # share

# Of a run's event what grows with the traces.
_PER_TRACE = frozenset({"$ai_clusters", "$ai_map"})
_PER_TRACE_OF: Mapping[str, frozenset[str]] = {
    "$ai_levels": frozenset({"leaf_ids", "merges"}),
    "$ai_outliers": frozenset({"traces"}),
}
_TOLD_OF_A_CLUSTER = (
    *("title", "description", "keywords", "title_source"),
    *("representatives", "stability", "facts"),
)


@router.get("/{run_id}")
async def run(
    services: Given, run_id: str, members: Annotated[int, Query(ge=0, le=1000)] = 3
) -> RunDetail:
    """A run with its clusters, each with the traces closest to its centroid."""
    record = await run_in_threadpool(record_of, services.store, run_id)
    detail = await run_in_threadpool(_detail, services, record, members)
    return replace(detail, run=await as_it_stands(services, record))


@router.get("/{run_id}/event", response_class=Response)
def event(services: Given, run_id: str) -> Response:
    """The properties of the run's event, exactly as stored."""
    properties = services.store.events.properties(team_of_run_id(run_id), run_id)
    if properties is None:
        raise NotFoundError(f"run {run_id} emitted no event")
    return Response(properties, media_type="application/json")


@router.get("/{run_id}/clusters/{cluster_id}")
def cluster(services: Given, run_id: str, cluster_id: int, limit: Limit = 20) -> ClusterDetail:
    """One cluster of a run, with the traces closest to its centroid."""
    record = record_of(services.store, run_id)
    properties = properties_of(services.store, run_id) or {}
    found = {one.cluster_id: one for one in _clusters(properties, ())}
    if cluster_id not in found:
        raise NotFoundError(f"run {run_id} has no cluster {cluster_id}")
    members = services.store.runs.members(
        record.team_id, run_id, cluster_id=cluster_id, limit=limit
    )
    one = replace(found[cluster_id], members=members)
    return ClusterDetail(**vars(one), verdict=judgement_of(properties).verdict)


@router.get("/{run_id}/outliers")
def outliers(services: Given, run_id: str, limit: Limit = 20) -> OutlierList:
    """The traces that stand out, the most unusual first."""
    record = record_of(services.store, run_id)
    properties = properties_of(services.store, run_id)
    if properties is None:
        return OutlierList(0, None, None, [], f"the run's status is {record.status}")
    found = properties.get("$ai_outliers")
    if found is None:
        return OutlierList(0, None, None, [], reason_missing(properties, "outliers"))
    rows = _with_openings(services, record, found["traces"][:limit])
    return OutlierList(len(found["traces"]), found["threshold"], found["share"], rows)


def without_clusters(record: RunRecord) -> NotFoundError:
    """Why there is nothing to show of a run that emitted no event."""
    reason = f": {record.reason}" if record.reason else ""
    return NotFoundError(
        f"run {record.run_id} has no clusters, its status is {record.status}{reason}"
    )


def _detail(services: Services, record: RunRecord, members: int) -> RunDetail:
    properties = properties_of(services.store, record.run_id)
    if properties is None:
        return RunDetail(record, None, [])
    runs = services.store.runs
    closest = runs.representatives(record.team_id, record.run_id, limit=members) if members else []
    clusters = _clusters(properties, closest)
    if members and any(one.representatives for one in clusters):
        shown = [trace_id for one in clusters for trace_id in one.representatives]
        openings = services.store.browsing.openings(record.team_id, record.run_id, shown)
        clusters = [_with_examples(one, openings, members) for one in clusters]
    return RunDetail(record, _of_the_whole(properties), clusters)


def _with_examples(cluster: Cluster, openings: Mapping[str, str], most: int) -> Cluster:
    examples: list[Example] = []
    for trace_id in cluster.representatives:
        one = Example(trace_id, openings.get(trace_id, ""))
        if one.opening and not any(_say_the_same(one, other) for other in examples):
            examples.append(one)
    return replace(cluster, examples=examples[:most])


def _say_the_same(one: Example, other: Example) -> bool:
    """Whether nearly all words of the shorter one are in the longer one too.

    Traces that begin alike may go on differently, and stand for a cluster both.
    """
    words, others = ({*text.casefold().split()} for text in (one.opening, other.opening))
    return len(words & others) >= _SAME_WORDS * min(len(words), len(others))


def _of_the_whole(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: without(value, _PER_TRACE_OF[key]) if key in _PER_TRACE_OF else value
        for key, value in properties.items()
        if key not in _PER_TRACE
    }


def _clusters(properties: Mapping[str, Any], members: list[Member] | tuple[()]) -> list[Cluster]:
    clusters = properties.get("$ai_clusters", [])
    total = sum(one["size"] for one in clusters)
    return [
        Cluster(
            cluster_id=one["cluster_id"],
            size=one["size"],
            share=one["size"] / total,
            members=[m for m in members if m.cluster_id == one["cluster_id"]],
            **{key: one[key] for key in _TOLD_OF_A_CLUSTER if key in one},
        )
        for one in clusters
    ]


def _with_openings(
    services: Services, record: RunRecord, found: list[dict[str, Any]]
) -> list[OutlierRow]:
    ids = [one["trace_id"] for one in found]
    openings = services.store.browsing.openings(record.team_id, record.run_id, ids)
    return [OutlierRow(**one, opening=openings.get(one["trace_id"], "")) for one in found]
