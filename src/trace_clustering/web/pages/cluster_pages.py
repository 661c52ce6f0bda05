"""The pages of a cluster, of a group below one, and of all traces of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from trace_clustering.amounts import days_of, per_day
from trace_clustering.errors import NotFoundError
from trace_clustering.models import RunRecord
from trace_clustering.models.browsing import TracePage
from trace_clustering.run_reading import (
    Properties,
    groups_at,
    groups_below,
    groups_of,
    judgement_of,
    number_of,
    path_to,
    reason_missing,
    title_of,
)
from trace_clustering.web import urls
from trace_clustering.web.browse_routes import told
from trace_clustering.web.pages.group_figures import figures_of
from trace_clustering.web.pages.map_data import map_data
from trace_clustering.web.pages.shell import Crumb, render, run_crumb
from trace_clustering.web.pages.trace_table import Facets, Place, TraceTable
from trace_clustering.web.routes import Given, RunStories
from trace_clustering.web.services import Services
from trace_clustering.web.table_query import TableQuery, trace_filter

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

Table = Annotated[TableQuery, Query()]

_MAX_DAYS = 31
_MAX_SHOWN = 5


@router.get("/runs/{run_id}/groups/{group_id}")
def group_page(
    request: Request,
    services: Given,
    stories: RunStories,
    run_id: str,
    group_id: int,
    query: Table,
) -> Response:
    """A cluster, or a group below one: what is known of it, its map, its traces."""
    run, properties = told(stories.of(run_id))
    path = path_to(properties, group_id)
    if not path:
        raise NotFoundError(f"run {run_id} has no group {group_id}")
    group = path[-1]
    place = Place(run_id, group_id)
    of_group = query.model_copy(update={"group": group_id})
    found = _found(services, run, properties, of_group)
    query = query.model_copy(update={"group": None})
    return render(
        request,
        "cluster.html.j2",
        title=title_of(group),
        crumbs=_crumbs(run, path),
        team_id=run.team_id,
        run=run,
        group=group,
        parent=path[-2] if len(path) > 1 else None,
        judgement=judgement_of(properties),
        figures=figures_of(group, properties),
        facts=group.get("facts"),
        why_no_facts=reason_missing(properties, "facts"),
        days=_days(group, properties),
        typical=_typical(services, run, group),
        table=TraceTable(query, found, place, Facets(group.get("facts"))),
        **_parts_of(properties, group_id),
    )


@router.get("/runs/{run_id}/traces")
def run_traces_page(
    request: Request, services: Given, stories: RunStories, run_id: str, query: Table
) -> Response:
    """All traces that a run sampled, as a table."""
    run, properties = told(stories.of(run_id))
    found = _found(services, run, properties, query)
    clusters = [(one["cluster_id"], title_of(one)) for one in groups_at(properties, 0)]
    facets = Facets(properties.get("$ai_facts"), clusters)
    return render(
        request,
        "run_traces.html.j2",
        title="Outliers" if query.outliers else "Traces",
        crumbs=(*_crumbs(run, ()), Crumb("Traces")),
        team_id=run.team_id,
        run=run,
        outliers=properties.get("$ai_outliers"),
        why_no_outliers=reason_missing(properties, "outliers"),
        sampled=properties["$ai_sampled_traces_count"],
        table=TraceTable(query, found, Place(run_id), facets),
    )


def _found(
    services: Services, run: RunRecord, properties: Properties, query: TableQuery
) -> TracePage:
    return services.store.browsing.page(
        run.team_id,
        run.run_id,
        trace_filter(query, properties),
        query.sort,
        limit=query.size,
        offset=query.offset,
    )


def _crumbs(run: RunRecord, path: tuple[()] | list[Mapping[str, Any]]) -> tuple[Crumb, ...]:
    groups = [Crumb(title_of(one), urls.group(run.run_id, number_of(one))) for one in path[:-1]]
    return (
        Crumb(f"Team {run.team_id}", urls.team(run.team_id)),
        run_crumb(run),
        *groups,
        *(Crumb(title_of(one)) for one in path[-1:]),
    )


def _parts_of(properties: Properties, group_id: int) -> dict[str, Any]:
    """What a group is made of, and its part of the map, divided the same way."""
    below = groups_below(properties, group_id)
    group = groups_of(properties)[group_id]
    level = below[0]["first_level"] if below else group.get("first_level", 0)
    return {
        "below": below,
        "map_data": map_data(properties, level, [group_id]),
        "why_no_map": reason_missing(properties, "map"),
    }


def _days(group: Mapping[str, Any], properties: Properties) -> list[tuple[str, str, int]]:
    """Over the same days for all groups of a run."""
    facts = group.get("facts")
    return per_day(facts, days_of([facts, properties.get("$ai_facts")]), _MAX_DAYS)


def _typical(services: Services, run: RunRecord, group: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(trace id, how it begins) of those that stand for a group."""
    ids = list(group.get("representatives") or ())[:_MAX_SHOWN]
    openings = services.store.browsing.openings(run.team_id, run.run_id, ids)
    return [(one, openings.get(one, "")) for one in ids]
