"""What a run tells beyond its clusters: its levels, names, facts, outliers, map and quality.

Each is a *part* of a run. A part that could not be made is absent, with the reason; it never
fails the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

Part = Literal["levels", "outliers", "map", "facts", "names", "quality"]
Verdict = Literal["good", "weak", "degenerate"]
NameSource = Literal["keywords", "model"]

PARTS: tuple[Part, ...] = get_args(Part)

OF_RUN = -1
"""The group under which a part says what holds for the run as a whole."""


@dataclass(frozen=True)
class Group:
    """A group of traces in the tree of a run.

    The top clusters are the groups 0..k-1, with the contract's ids; the groups below go on from k.
    A group that is not divided any further on the way down belongs to several levels.

    Attributes:
        parent: the group that it is a part of; None for a top cluster.
        first_level: the highest level that it belongs to; 0 is that of the top clusters.
        last_level: the lowest; the leaf level's number for a leaf.
        size: sampled traces.
    """

    group_id: int
    parent: int | None
    first_level: int
    last_level: int
    size: int


@dataclass(frozen=True)
class GroupName:
    """What a group is called.

    Attributes:
        title: 3 to 8 words.
        description: a sentence or two.
        keywords: most distinctive first.
        source: what made the title.
    """

    title: str
    description: str
    keywords: tuple[str, ...]
    source: NameSource = "keywords"


@dataclass(frozen=True)
class Outlier:
    """A trace that stands out; it stays a member of its cluster.

    Attributes:
        score: higher is more unusual.
        reason: in words.
    """

    trace_id: str
    cluster_id: int
    score: float
    reason: str


@dataclass(frozen=True)
class Amounts:
    """What traces cost, in US dollars; None where no trace has a price."""

    total: float
    mean: float
    p50: float
    p95: float


@dataclass(frozen=True)
class GroupFacts:
    """What is known of a group's traces.

    Attributes:
        traces: sampled traces of the group.
        share: of the sampled traces.
        share_low, share_high: 95% interval of the share among all traces of the window.
        known: traces of which facts are stored; all below is about these, but for the days.
        users, sessions: how many different ones.
        cost_usd: of the traces whose cost is known.
        latency_p50, latency_p95: seconds; of the traces of which it is known how long they took.
        error_rate: of ``known``; None if nothing is known.
        models, tools: name and number of traces, most frequent first.
        first_seen, last_seen: RFC 3339; of ``traces``.
        by_day: (date in UTC, traces), ascending, every day of the span; of ``traces``.
    """

    traces: int
    share: float
    share_low: float
    share_high: float
    known: int
    users: int
    sessions: int
    cost_usd: Amounts | None
    latency_p50: float | None
    latency_p95: float | None
    input_tokens: int | None
    output_tokens: int | None
    error_rate: float | None
    models: list[tuple[str, int]] = field(default_factory=list)
    tools: list[tuple[str, int]] = field(default_factory=list)
    first_seen: str = ""
    last_seen: str = ""
    by_day: list[tuple[str, int]] = field(default_factory=list)
