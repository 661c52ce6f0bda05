"""What the page of a run shows, read out of the run's event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trace_clustering.amounts import UNKNOWN, count, money, percent, ratio, seconds
from trace_clustering.models import RunRecord
from trace_clustering.models.findings import Part
from trace_clustering.run_reading import (
    Branch,
    Judgement,
    Properties,
    groups_at,
    groups_of,
    judgement_of,
    level_sizes,
    missing_parts,
    number_of,
    reason_missing,
    title_of,
    tree_of,
)
from trace_clustering.web import urls
from trace_clustering.web.pages.figures import Figure, silhouette_figure, treemap_figure
from trace_clustering.web.pages.group_figures import users_of
from trace_clustering.web.pages.map_data import map_data
from trace_clustering.web.pages.run_words import parts_of_sentence, short_day
from trace_clustering.web.run_drawings import Days, Slice, slices_of

MAX_CARDS = 30
"""So many groups have cards of their own; more are rows of a table."""

_PARAMETERS = {
    "max_samples": "Traces at most",
    "min_k": "Fewest clusters tried",
    "max_k": "Most clusters tried",
    "seed": "Seed",
}
_EXCLUDED = {
    "other_model": "embedded by another model",
    "other_dimensions": "with vectors of another length",
    "invalid_vector": "without a usable vector",
}

Group = Mapping[str, Any]
Told = tuple[str, str, str]
"""Name, value, explanation."""


@dataclass(frozen=True)
class Card:
    """A group as it is shown beside the map.

    Attributes:
        within: what the cluster is called that a deeper group is a part of; else empty.
    """

    number: int
    title: str
    url: str
    group: Group
    within: str
    figures: list[Told]

    def value(self, name: str) -> str:
        """One of its figures; a dash where it has none of this name."""
        return next((value for known, value, _ in self.figures if known == name), UNKNOWN)


@dataclass(frozen=True)
class RunView:
    """Everything that the template asks for; what a run lacks is None or empty."""

    event: Properties
    claim: str
    scope: str
    judgement: Judgement
    totals: list[Told]
    sampled: int
    level: int
    levels: tuple[int, ...]
    cards: list[Card]
    columns: list[str]
    slices: tuple[Slice, ...]
    days: Days
    span: tuple[str, str] | None
    map: dict[str, Any] | None
    treemap: Figure
    tree: tuple[Branch, ...]
    silhouette: Figure | None
    outliers: Sequence[Mapping[str, Any]] | None
    outliers_in_all: int
    titles: Mapping[int, str]
    missing: list[tuple[str, str]]
    why_missing: Callable[[Part], str | None]
    max_cards: int = MAX_CARDS
    short_day: Callable[[str], str] = short_day
    parameter_words: Mapping[str, str] = field(default_factory=lambda: _PARAMETERS)
    excluded_words: Mapping[str, str] = field(default_factory=lambda: _EXCLUDED)


def run_view(run: RunRecord, properties: Properties, level: int, max_outliers: int) -> RunView:
    """What is to be shown of a run.

    Args:
        level: of the tree; one that there is not counts as the deepest.
    """
    levels, groups = level_sizes(properties), groups_of(properties)
    level = min(level, len(levels) - 1)
    clusters = groups_at(properties, 0)
    shown = groups_at(properties, level)
    cards = [_card(run.run_id, properties, group, groups) for group in shown]
    claim, scope = parts_of_sentence(properties)
    days = Days(properties)
    found = (properties.get("$ai_outliers") or {}).get("traces")
    return RunView(
        event=properties,
        claim=claim,
        scope=scope,
        judgement=judgement_of(properties),
        totals=_totals(properties),
        sampled=properties["$ai_sampled_traces_count"],
        level=level,
        levels=levels,
        cards=cards,
        # Groups that are no clusters lack some of the figures.
        columns=list(dict.fromkeys(name for card in cards for name, _, _ in card.figures)),
        slices=slices_of(shown),
        days=days,
        span=(short_day(days.all[0]), short_day(days.all[-1])) if days.all else None,
        map=map_data(properties, level),
        treemap=treemap_figure(properties, lambda number: urls.group(run.run_id, number)),
        tree=tree_of(properties) or tuple(Branch(one, ()) for one in clusters),
        silhouette=silhouette_figure(properties),
        outliers=None if found is None else found[:max_outliers],
        outliers_in_all=_outliers_in_all(properties),
        titles={number_of(one): title_of(one) for one in clusters},
        missing=missing_parts(properties),
        why_missing=lambda part: reason_missing(properties, part),
    )


def _card(run_id: str, properties: Properties, group: Group, groups: Mapping[int, Group]) -> Card:
    number = number_of(group)
    return Card(
        number=number,
        title=title_of(group),
        url=urls.group(run_id, number),
        group=group,
        within=_within(group, groups),
        figures=_figures(group, properties),
    )


def _within(group: Group, groups: Mapping[int, Group]) -> str:
    """What the top cluster of a deeper group is called."""
    top = group
    while top.get("parent") in groups:
        top = groups[top["parent"]]
    return "" if top is group else title_of(top)


def _figures(group: Group, properties: Properties) -> list[Told]:
    facts, whole = group.get("facts"), properties.get("$ai_facts") or {}
    stability = group.get("stability")
    stable: list[Told] = [] if stability is None else [("Stability", ratio(stability), "")]
    if not facts:
        return stable
    told = [
        ("Errors", percent, ("error_rate",)),
        ("Cost a trace", money, ("cost_usd", "mean")),
        ("Latency", seconds, ("latency_p50",)),
    ]
    beside = [
        (name, shape(_at(facts, keys)), shape(_at(whole, keys))) for name, shape, keys in told
    ]
    return [
        *((name, value, f"run: {run}" if whole else "") for name, value, run in beside),
        (*users_of(facts)[:2], ""),
        *stable,
    ]


def _at(facts: Mapping[str, Any], keys: tuple[str, ...]) -> float | None:
    """A fact within facts; None where any of them is not known."""
    found: Any = facts
    for key in keys:
        found = (found or {}).get(key)
    return found if found is None else float(found)


def _totals(properties: Properties) -> list[Told]:
    """The run in figures."""
    facts, quality = properties.get("$ai_facts"), properties.get("$ai_quality") or {}
    sampled, analyzed = (
        properties["$ai_sampled_traces_count"],
        properties.get("$ai_total_traces_analyzed"),
    )
    noise = quality.get("null_silhouette")
    return [
        ("Traces clustered", count(sampled), f"of {count(analyzed)}" if analyzed else ""),
        *(_known(facts) if facts else ()),
        (
            "Silhouette",
            ratio(properties.get("$ai_silhouette_score")),
            "" if noise is None else f"noise like them {ratio(noise)}",
        ),
    ]


def _known(facts: Mapping[str, Any]) -> list[Told]:
    cost, slow = facts.get("cost_usd") or {}, facts.get("latency_p95")
    return [
        users_of(facts),
        ("Errors", percent(facts.get("error_rate")), "of the traces"),
        ("Cost", money(cost.get("total")), f"{money(cost['mean'])} a trace" if cost else ""),
        (
            "Typical latency",
            seconds(facts.get("latency_p50")),
            "" if slow is None else f"95% below {seconds(slow)}",
        ),
    ]


def _outliers_in_all(properties: Properties) -> int:
    outliers = properties.get("$ai_outliers") or {}
    return int(outliers.get("total", len(outliers.get("traces") or ())))
