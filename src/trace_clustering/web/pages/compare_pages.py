"""The page of two runs of a team side by side: what changed from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from trace_clustering.amounts import count, money, percent, ratio, seconds
from trace_clustering.errors import InvalidInputError
from trace_clustering.inputs import check_run_of
from trace_clustering.models import RunRecord
from trace_clustering.models.browsing import Flow
from trace_clustering.run_reading import Properties, judgement_of
from trace_clustering.web import urls
from trace_clustering.web.pages.figures import sankey_figure
from trace_clustering.web.pages.group_figures import users_of
from trace_clustering.web.pages.run_matching import matches_of
from trace_clustering.web.pages.run_pages import MAX_RUNS, choices_of, run_before
from trace_clustering.web.pages.run_words import sentence_of
from trace_clustering.web.pages.shell import Crumb, render, run_crumb
from trace_clustering.web.routes import Given, RunStories
from trace_clustering.web.services import Services
from trace_clustering.web.stories import RunStory

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

Other = Annotated[str, Query(alias="with", description="The other run, of the same team.")]


@dataclass(frozen=True)
class _Pair:
    """Two runs in the order in which they began."""

    before: RunStory
    after: RunStory

    @property
    def without_clusters(self) -> list[RunRecord]:
        return [one.run for one in (self.before, self.after) if one.properties is None]


@router.get("/runs/{run_id}/compare")
def compare_page(
    request: Request, services: Given, stories: RunStories, run_id: str, other: Other = ""
) -> Response:
    """Two runs of a team; the run before where no other one is named."""
    story = stories.of(run_id)
    if other:
        check_run_of(story.run.team_id, "with", other)
    if other == run_id:
        raise InvalidInputError("with", "a run cannot be compared with itself")
    completed = services.store.runs.recent(story.run.team_id, MAX_RUNS, status="completed")
    others = [one for one in completed if one.run_id != run_id]
    chosen = stories.of(other) if other else _default(stories.of, others, story.run)
    pair = _ordered(story, chosen) if chosen else None
    return render(
        request,
        "compare.html.j2",
        title="Two runs side by side",
        crumbs=_crumbs(story.run),
        team_id=story.run.team_id,
        run=story.run,
        other=chosen.run if chosen else None,
        choices=choices_of(others, chosen.run) if chosen and chosen.properties else others,
        pair=pair,
        without=pair.without_clusters if pair else [],
        **(_compared(services, pair) if pair and not pair.without_clusters else {}),
    )


def _default(
    story_of: Callable[[str], RunStory], others: list[RunRecord], run: RunRecord
) -> RunStory | None:
    chosen = run_before(others, run) or next(iter(others), None)
    return story_of(chosen.run_id) if chosen else None


def _ordered(one: RunStory, other: RunStory) -> _Pair:
    first, second = sorted((one, other), key=lambda story: (story.run.started_at, story.run.run_id))
    return _Pair(first, second)


def _compared(services: Services, pair: _Pair) -> dict[str, Any]:
    before, after = pair.before.properties, pair.after.properties
    assert before is not None
    assert after is not None
    run = pair.before.run
    flows = services.store.browsing.flows(run.team_id, run.run_id, pair.after.run.run_id)
    shared = sum(flow.traces for flow in flows)
    return {
        "sides": [_side("Earlier", pair.before), _side("Later", pair.after)],
        "figures": figures_of_both(before, after),
        "shared": shared,
        "flows": flows,
        "names": {"before": _clusters(before), "after": _clusters(after)},
        "sankey": _sankey(flows, before, after) if shared else None,
        "matches": matches_of(before, after, flows) if shared else [],
        "sizes": {"before": _sampled(before), "after": _sampled(after)},
    }


def _side(name: str, story: RunStory) -> dict[str, Any]:
    assert story.properties is not None
    return {
        "name": name,
        "run": story.run,
        "sentence": sentence_of(story.properties),
        "judgement": judgement_of(story.properties),
    }


def figures_of_both(before: Properties, after: Properties) -> list[tuple[str, str, str]]:
    """Name, and the value in the one run and in the other; what neither tells is left out."""
    rows = [(name, told(before), told(after)) for name, told in _FIGURES]
    return [row for row in rows if {row[1], row[2]} != {"–"}]


def _fact(key: str) -> Callable[[Properties], Any]:
    return lambda properties: (properties.get("$ai_facts") or {}).get(key)


def _cost(key: str) -> Callable[[Properties], Any]:
    return lambda properties: (_fact("cost_usd")(properties) or {}).get(key)


def _quality(key: str) -> Callable[[Properties], Any]:
    return lambda properties: (properties.get("$ai_quality") or {}).get(key)


def _sampled(properties: Properties) -> int:
    return int(properties["$ai_sampled_traces_count"])


def _shown(
    read: Callable[[Properties], Any], shape: Callable[[Any], str]
) -> Callable[[Properties], str]:
    return lambda properties: shape(read(properties))


_FIGURES: tuple[tuple[str, Callable[[Properties], str]], ...] = (
    ("Traces in the window", _shown(lambda one: one.get("$ai_total_traces_analyzed"), count)),
    ("Traces clustered", _shown(_sampled, count)),
    ("Clusters", _shown(lambda one: len(one["$ai_clusters"]), count)),
    ("Silhouette", _shown(lambda one: one.get("$ai_silhouette_score"), ratio)),
    ("Silhouette of noise", _shown(_quality("null_silhouette"), ratio)),
    ("Agreement when drawn anew", _shown(_quality("agreement"), ratio)),
    ("Outliers", _shown(_quality("outlier_share"), percent)),
    ("Users", lambda one: users_of(one.get("$ai_facts") or {})[1]),
    ("Errors", _shown(_fact("error_rate"), percent)),
    ("Cost a trace", _shown(_cost("mean"), money)),
    ("Typical latency", _shown(_fact("latency_p50"), seconds)),
    ("Slow ones, 95% are faster", _shown(_fact("latency_p95"), seconds)),
)


def _sankey(flows: list[Flow], before: Properties, after: Properties) -> dict[str, Any]:
    return sankey_figure(flows, before["$ai_clusters"], after["$ai_clusters"])


def _clusters(properties: Properties) -> dict[int, Mapping[str, Any]]:
    return {one["cluster_id"]: one for one in properties["$ai_clusters"]}


def _crumbs(run: RunRecord) -> tuple[Crumb, ...]:
    return (
        Crumb(f"Team {run.team_id}", urls.team(run.team_id)),
        run_crumb(run),
        Crumb("Compared"),
    )
