"""What the HTTP API takes and gives: pydantic models and dataclasses, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from trace_clustering.models import Member, RunRecord, TeamSummary


class _Parameters(BaseModel):
    """What runs and coordinators have in common.

    Values are checked where every run's are, so that the words are the same everywhere.
    """

    model_config = ConfigDict(extra="forbid")

    lookback_days: Any = None
    max_samples: Any = None
    min_k: Any = None
    max_k: Any = None
    seed: Any = None


class RunRequest(_Parameters):
    """Parameters of a run; what is absent comes from the settings."""

    window_start: Any = None
    window_end: Any = None


class CoordinatorRequest(_Parameters):
    """Parameters of a coordinator run; what is absent comes from the settings."""

    min_embeddings: Any = None
    max_concurrent_teams: Any = None
    allowed_team_ids: Any = None


class PauseRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str | None = None


class SummarizationRequest(BaseModel):
    """Whether traces are taken on too that have not been quiet for long enough."""

    model_config = ConfigDict(extra="forbid")

    now: bool = False


@dataclass(frozen=True)
class Started:
    """A workflow that was started; watch it at ``/api/v1/workflows/{workflow_id}``."""

    workflow_id: str


@dataclass(frozen=True)
class TeamList:
    teams: list[TeamSummary]


@dataclass(frozen=True)
class RunList:
    runs: list[RunRecord]


@dataclass(frozen=True)
class Example:
    """A trace that stands for a cluster; ``opening`` is how it begins, in its own words."""

    trace_id: str
    opening: str


@dataclass(frozen=True)
class Cluster:
    """A cluster with the traces that lie closest to its centroid.

    What the run does not tell of it is None, or empty. ``examples`` are
    representatives that begin differently.
    """

    cluster_id: int
    size: int
    share: float
    members: list[Member]
    title: str | None = None
    description: str | None = None
    keywords: list[str] = field(default_factory=list)
    title_source: str | None = None
    representatives: list[str] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    stability: float | None = None
    facts: dict[str, Any] | None = None


@dataclass(frozen=True)
class ClusterDetail(Cluster):
    """A cluster by itself, with what is to be known before it is believed."""

    verdict: str | None = None


@dataclass(frozen=True)
class RunDetail:
    """A run as people read it: ``facts`` are the event's properties without the trace ids."""

    run: RunRecord
    facts: dict[str, Any] | None
    clusters: list[Cluster]


@dataclass(frozen=True)
class OutlierRow:
    """A trace that stands out; ``opening`` is how it begins, in its own words."""

    trace_id: str
    cluster_id: int
    score: float
    reason: str
    opening: str


@dataclass(frozen=True)
class OutlierList:
    """A run's outliers, the most unusual first.

    Attributes:
        total: how many there are; the list may hold fewer.
        missing: why the run has none to tell of; None where they were looked for.
    """

    total: int
    threshold: float | None
    share: float | None
    outliers: list[OutlierRow]
    missing: str | None = None


@dataclass(frozen=True)
class Health:
    status: str
    version: str
