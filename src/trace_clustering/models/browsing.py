"""Traces as people look through them: which ones, in which order, and what is shown of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, get_args

TraceOrder = Literal["closest", "unusual", "cost", "latency", "errors", "newest", "oldest"]
TRACE_ORDERS: tuple[TraceOrder, ...] = get_args(TraceOrder)

Place = tuple[float, float]


@dataclass(frozen=True)
class TraceFilter:
    """Which of a run's sampled traces are wanted; what is not given leaves none out.

    Attributes:
        cluster_id: of this cluster.
        leaf_ids: of these leaves of the tree; None for all.
        text: what the title, the opening or the text as embedded contains, in any case.
        model, tool: which were used, by their whole names.
        user: who it was run for.
        errors: only those that failed, or in which a span did.
        outliers: only those that stand out.
        day: that began on this day, in UTC.
        lasso: within this polygon on the map, three corners at least.
    """

    cluster_id: int | None = None
    leaf_ids: tuple[int, ...] | None = None
    text: str = ""
    model: str = ""
    tool: str = ""
    user: str = ""
    errors: bool = False
    outliers: bool = False
    day: date | None = None
    lasso: tuple[Place, ...] = ()


@dataclass(frozen=True)
class BrowsedTrace:
    """A sampled trace in a list; what is not known or was not made is None.

    Attributes:
        distance: Euclidean, to the centroid of its cluster.
        outlier_score: higher is more unusual.
        outlier_reason: why it stands out; empty where it does not.
        x, y: where it lies on the map.
        opening: how it begins, in its own words.
        latency: seconds.
        errors: spans that failed.
    """

    trace_id: str
    timestamp: datetime
    cluster_id: int
    distance: float
    leaf_id: int | None = None
    outlier_score: float | None = None
    outlier_reason: str = ""
    x: float | None = None
    y: float | None = None
    title: str = ""
    opening: str = ""
    models: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency: float | None = None
    errors: int | None = None
    is_error: bool | None = None
    user_id: str = ""
    session_id: str = ""


@dataclass(frozen=True)
class TracePage:
    """A page of a list; ``total`` is how long the whole list is."""

    total: int
    traces: list[BrowsedTrace]


@dataclass(frozen=True)
class Standing:
    """How typical a trace is of its cluster.

    Attributes:
        closer: share of the cluster's other traces that lie farther from the centroid, 0 to 1;
            those equally far count as half, here and below.
        ordinary: share of the run's other traces whose outlier score is higher; None without
            scores.
        all_as_close: no other of its cluster is closer or farther.
        all_as_ordinary: no other of the run has another score.
    """

    trace: BrowsedTrace
    closer: float
    ordinary: float | None
    all_as_close: bool = False
    all_as_ordinary: bool = False


@dataclass(frozen=True)
class FoundTrace:
    """A trace that a search found, whether or not a run sampled it.

    Attributes:
        similarity: cosine, -1 to 1; None for a search by words.
        opening: how it begins, in its own words.
        snippet: where the words were found, with some text around them.
    """

    trace_id: str
    timestamp: datetime
    title: str
    opening: str
    similarity: float | None = None
    snippet: str = ""
    models: list[str] = field(default_factory=list)
    cost_usd: float | None = None
    latency: float | None = None
    is_error: bool | None = None
    user_id: str = ""


@dataclass(frozen=True)
class FoundPage:
    """A page of what a search found.

    Attributes:
        total: how many traces match; by meaning, how many were compared.
    """

    total: int
    traces: list[FoundTrace]


@dataclass(frozen=True)
class Flow:
    """Traces that two runs share: those of one cluster there that are in another one here.

    Attributes:
        before, after: cluster ids in the one run and in the other.
    """

    before: int
    after: int
    traces: int
