"""The page of a trace: what it was about, where it belongs, its steps and its words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from trace_clustering.amounts import percent
from trace_clustering.constants import MAX_LOOKBACK_DAYS
from trace_clustering.errors import NotFoundError
from trace_clustering.inputs import check_run_of
from trace_clustering.models import RunRecord
from trace_clustering.models.browsing import Standing
from trace_clustering.models.traces import TraceSummary
from trace_clustering.run_reading import Properties, judgement_of, number_of, path_to, title_of
from trace_clustering.store import ReceivedTrace
from trace_clustering.web import urls
from trace_clustering.web.pages.map_data import map_data
from trace_clustering.web.pages.shell import Crumb, render, run_crumb
from trace_clustering.web.pages.trace_parts import (
    Reference,
    numbered_lines,
    references,
    sent_events,
    span_views,
)
from trace_clustering.web.pages.trace_table import called
from trace_clustering.web.routes import Given, RunStories, TeamId
from trace_clustering.web.services import Services
from trace_clustering.web.stories import RunStory, Stories
from trace_clustering.web.trace_routes import TraceDetail, detail_of, in_order

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

_NEIGHBOURS = 6


@dataclass(frozen=True)
class Membership:
    """How a run sees a trace.

    Attributes:
        path: from its cluster down to its leaf.
    """

    run: RunRecord
    properties: Properties
    standing: Standing
    path: list[Mapping[str, Any]]

    @property
    def words(self) -> list[str]:
        """How typical it is."""
        return standing_words(self.standing)


@router.get("/teams/{team_id}/traces/{trace_id:path}")
def trace_page(
    request: Request,
    services: Given,
    stories: RunStories,
    team_id: TeamId,
    trace_id: str,
    run: str = "",
    id: str = "",
) -> Response:
    """A trace, seen as a member of a run; by ``id`` where that cannot stand in an address."""
    trace_id = trace_id or id
    received = services.store.events.of_traces(team_id, [trace_id]).get(trace_id)
    asked = _asked(stories, team_id, run) if run else None
    seen = _seen_by(services, stories, team_id, trace_id, asked)
    if received is None and seen is None:
        raise NotFoundError(f"team {team_id} has no trace {trace_id}")
    title, parts = _title_and_parts(services, team_id, trace_id, received, seen)
    near = services.store.search.neighbours(team_id, trace_id, limit=_NEIGHBOURS)
    return render(
        request,
        "trace.html.j2",
        title=title,
        crumbs=_crumbs(team_id, title, seen),
        team_id=team_id,
        trace_id=trace_id,
        seen=seen,
        missed=asked if asked and (seen is None or seen.run.run_id != run) else None,
        map_data=_map_of(seen) if seen else None,
        neighbours=near.traces,
        lookback_days=services.settings.lookback_days,
        most_days=MAX_LOOKBACK_DAYS,
        is_no_answer=seen is not None and judgement_of(seen.properties).is_no_answer,
        **parts,
    )


def days_back(start: datetime, now: datetime) -> int:
    """How many days a run has to look back to find a trace that began then."""
    return max(1, (now - start).days + 1)


def standing_words(standing: Standing) -> list[str]:
    """How typical a trace is of its cluster and its run, in words."""
    words = [_distance_words(standing)]
    if standing.ordinary is not None:
        words.append(_ordinary_words(standing, standing.ordinary))
    return words


def _distance_words(standing: Standing) -> str:
    closer = standing.closer
    if standing.all_as_close:
        return "as close to the centre as the others of its cluster"
    if closer >= 0.5:
        return f"closer to the centre than {_the_others(closer)} of its cluster"
    return f"farther from the centre than {_the_others(1 - closer)} of its cluster"


def _ordinary_words(standing: Standing, ordinary: float) -> str:
    if standing.all_as_ordinary:
        return "as ordinary as the others of the run"
    if ordinary >= 0.5:
        return f"more ordinary than {_the_others(ordinary)} of the run"
    return f"more unusual than {_the_others(1 - ordinary)} of the run"


def _the_others(share: float) -> str:
    return "all others" if share == 1 else percent(share)


def _asked(stories: Stories, team_id: int, run_id: str) -> RunStory:
    check_run_of(team_id, "run", run_id)
    return stories.of(run_id)


def _seen_by(
    services: Services, stories: Stories, team_id: int, trace_id: str, asked: RunStory | None
) -> Membership | None:
    """As the run sees it that was asked for, or else the latest one that sampled it."""
    seen = _member(services, asked, trace_id) if asked else None
    if seen:
        return seen
    latest = services.store.runs.latest_with(team_id, trace_id)
    return _member(services, stories.of(latest), trace_id) if latest else None


def _member(services: Services, story: RunStory, trace_id: str) -> Membership | None:
    if story.properties is None:
        return None
    run = story.run
    standing = services.store.browsing.standing(run.team_id, run.run_id, trace_id)
    if standing is None:
        return None
    trace, properties = standing.trace, story.properties
    leaf = path_to(properties, -1 if trace.leaf_id is None else trace.leaf_id)
    return Membership(run, properties, standing, leaf or path_to(properties, trace.cluster_id))


def _title_and_parts(
    services: Services,
    team_id: int,
    trace_id: str,
    received: ReceivedTrace | None,
    seen: Membership | None,
) -> tuple[str, dict[str, Any]]:
    if received is not None:
        detail = detail_of(services.store, team_id, trace_id, received)
        title = (detail.summary.title if detail.summary else "") or detail.facts.name
        return title or trace_id, _parts(detail, received)
    # Its events were let go of, or never were: what the run knows of it is all there is.
    assert seen is not None
    known = seen.standing.trace
    return known.title or trace_id, {**_NOTHING, "lines": numbered_lines(known.opening)}


_NOTHING: Mapping[str, Any] = {
    "detail": None,
    "notes": {},
    "spans": [],
    "more_spans": 0,
    "sent": [],
    "events": 0,
}


def _parts(detail: TraceDetail, received: ReceivedTrace) -> dict[str, Any]:
    lines = numbered_lines(detail.text)
    anchors = {line.anchor for line in lines if line.anchor}
    spans = span_views(detail.spans)
    return {
        "detail": detail,
        "days_back": days_back(detail.facts.start, datetime.now(UTC)),
        "tools": called(detail.facts.tools),
        "lines": lines,
        "notes": _notes(detail.summary, anchors),
        "spans": spans,
        "more_spans": len(detail.spans) - len(spans),
        "sent": list(sent_events(in_order(received))),
        "events": len(received.events),
    }


def _notes(
    summary: TraceSummary | None, anchors: Collection[str]
) -> dict[str, list[tuple[str, list[Reference]]]]:
    """Bullets and interesting notes, each with the lines that it rests on."""
    if summary is None:
        return {}
    kinds = {"bullets": summary.summary_bullets, "interesting": summary.interesting_notes}
    return {
        kind: [(note.text, references(note, anchors)) for note in notes]
        for kind, notes in kinds.items()
    }


def _map_of(seen: Membership) -> dict[str, Any] | None:
    """The map with the trace marked, and its cluster bright."""
    trace = seen.standing.trace
    if trace.x is None or trace.y is None:
        return None
    return map_data(seen.properties, focus=[trace.cluster_id], mark=(trace.x, trace.y))


def _crumbs(team_id: int, title: str, seen: Membership | None) -> tuple[Crumb, ...]:
    team, trace = Crumb(f"Team {team_id}", urls.team(team_id)), Crumb(title)
    if seen is None:
        return team, trace
    run = seen.run
    groups = [Crumb(title_of(one), urls.group(run.run_id, number_of(one))) for one in seen.path[:1]]
    return team, run_crumb(run), *groups, trace
