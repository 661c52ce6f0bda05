"""The data that rooms hand to each other. Plain frozen dataclasses; this module knows no room.

Whatever travels through Temporal is small: counts, scores and the run's id. Vectors,
samples and assignments stay in the store, keyed by ``run_id``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from trace_clustering import constants as c

ScheduleName = Literal["clustering", "summarization"]
RunStatus = Literal["running", "completed", "skipped", "failed", "cancelled", "timed_out"]
StepStatus = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class ClusteringInputs:
    """What the workflow ``daily-trace-clustering`` is started with.

    Attributes:
        team_id: whose traces.
        lookback_days: days of history, counted back from the start of the run.
        max_samples: at most so many traces are clustered; a random sample of more.
        min_k: smallest number of clusters tested.
        max_k: largest number of clusters tested.
        window_start: RFC 3339; with ``window_end`` overrides ``lookback_days``.
        window_end: RFC 3339, exclusive.
        seed: of the sample and of k-means; derived from the run id if absent.
    """

    team_id: int
    lookback_days: int = c.DEFAULT_LOOKBACK_DAYS
    max_samples: int = c.DEFAULT_MAX_SAMPLES
    min_k: int = c.DEFAULT_MIN_K
    max_k: int = c.DEFAULT_MAX_K
    window_start: str | None = None
    window_end: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Window:
    """A half-open span of time, ``start <= t < end``, as RFC 3339 in UTC."""

    start: str
    end: str


@dataclass(frozen=True)
class RunParameters:
    """One run's parameters once its window is settled; handed to every activity."""

    team_id: int
    window: Window
    max_samples: int
    min_k: int
    max_k: int
    started_at: str
    seed: int | None


@dataclass(frozen=True)
class VectorFamily:
    """Vectors that may be compared with each other: of one model, one length, one rendering."""

    model_name: str
    dimensions: int
    rendering: str = c.RENDERING_MINIMAL


@dataclass(frozen=True)
class Excluded:
    """Traces of the window that are left out, by reason."""

    other_model: int = 0
    other_dimensions: int = 0
    invalid_vector: int = 0

    @property
    def total(self) -> int:
        return self.other_model + self.other_dimensions + self.invalid_vector


@dataclass(frozen=True)
class EmbeddingsFound:
    """What ``query_trace_embeddings_activity`` returns.

    Attributes:
        run_id: the run's id, under which everything else is stored.
        seed: of this run.
        cutoff: microseconds since 1970 on the store's clock; the run does not see rows that
            arrived after it.
        usable: traces with a usable vector of ``family``.
        family: the team's most common model and length; None if there is no usable vector.
        skip_reason: why the run ends here, if it does.
    """

    run_id: str
    seed: int
    cutoff: int
    usable: int
    excluded: Excluded
    family: VectorFamily | None
    skip_reason: str | None = None


@dataclass(frozen=True)
class SampleInput:
    parameters: RunParameters
    found: EmbeddingsFound


@dataclass(frozen=True)
class SampleRef:
    """A stored sample: the rows that ``attempt`` of the sampling activity wrote for the run.

    Naming the attempt makes a retry's sample whole whatever an earlier attempt left behind.
    """

    team_id: int
    run_id: str
    attempt: int
    size: int
    dimensions: int


@dataclass(frozen=True)
class OptimalKInput:
    parameters: RunParameters
    found: EmbeddingsFound
    sample: SampleRef


@dataclass(frozen=True)
class KQuality:
    """How well one number of clusters fits: mean silhouette in -1..1, and inertia."""

    k: int
    silhouette_score: float
    inertia: float


@dataclass(frozen=True)
class OptimalK:
    """What ``determine_optimal_k_activity`` returns; the best centroids are in the store."""

    optimal_k: int
    scores_by_k: list[KQuality]
    skip_reason: str | None = None


@dataclass(frozen=True)
class ClusteringInput:
    parameters: RunParameters
    sample: SampleRef
    optimal: OptimalK


@dataclass(frozen=True)
class ClusterResult:
    cluster_id: int
    size: int


@dataclass(frozen=True)
class ClusteringDone:
    """What ``perform_clustering_activity`` returns; assignments and centroids are stored."""

    optimal_k: int
    silhouette_score: float
    inertia: float
    clusters: list[ClusterResult]


@dataclass(frozen=True)
class ClusteredRun:
    """A run whose clusters are found; what is told of it is made from here on.

    Attributes:
        missing_parts: by part, why it could not be made; None for a run that was begun by a
            version that made none.
    """

    parameters: RunParameters
    found: EmbeddingsFound
    sample: SampleRef
    optimal: OptimalK
    done: ClusteringDone
    missing_parts: dict[str, str] | None = None


@dataclass(frozen=True)
class PartMade:
    """What an activity returns that made a part of a run; the part itself is in the store."""

    verdict: str | None = None


@dataclass(frozen=True)
class RunEnd:
    """How a run ended that neither completed nor was skipped."""

    parameters: RunParameters
    status: Literal["failed", "cancelled", "timed_out"]
    reason: str


@dataclass(frozen=True)
class ClusteringOutput:
    """What the workflow returns: the contract's *Monitoring* fields, and how it ended."""

    clustering_run_id: str
    team_id: int
    traces_analyzed: int
    sampled_traces: int
    optimal_k: int | None
    silhouette_score: float | None
    clusters: list[ClusterResult]
    duration_seconds: float
    status: Literal["completed", "skipped"] = "completed"
    skip_reason: str | None = None
    excluded_traces: int = 0
    verdict: str | None = None


@dataclass(frozen=True)
class CoordinatorInputs:
    """What ``trace-clustering-coordinator`` is started with.

    Attributes:
        allowed_team_ids: only these teams; empty for all.
        progress: set by the workflow itself when it continues as new.
    """

    lookback_days: int = c.DEFAULT_LOOKBACK_DAYS
    max_samples: int = c.DEFAULT_MAX_SAMPLES
    min_k: int = c.DEFAULT_MIN_K
    max_k: int = c.DEFAULT_MAX_K
    min_embeddings: int = c.DEFAULT_MIN_EMBEDDINGS
    max_concurrent_teams: int = c.DEFAULT_MAX_CONCURRENT_TEAMS
    allowed_team_ids: list[int] = field(default_factory=list)
    seed: int | None = None
    progress: CoordinatorProgress | None = None


@dataclass(frozen=True)
class TeamReason:
    team_id: int
    reason: str


@dataclass(frozen=True)
class CoordinatorProgress:
    """How far the coordinator is: totals so far, and where the next page of teams begins."""

    started_at: str
    after_team_id: int | None = None
    teams_processed: int = 0
    teams_skipped: int = 0
    teams_failed: int = 0
    clusters_created: int = 0
    skipped: list[TeamReason] = field(default_factory=list)
    failed: list[TeamReason] = field(default_factory=list)


@dataclass(frozen=True)
class DiscoverTeamsInput:
    """One page of teams: ids above ``after_team_id``, ascending, ``limit`` at most."""

    window: Window
    min_embeddings: int
    allowed_team_ids: list[int]
    after_team_id: int | None
    limit: int


@dataclass(frozen=True)
class CoordinatorOutput:
    """Totals of one coordinator run; ``skipped`` and ``failed`` carry the reasons.

    At most ``MAX_REPORTED_REASONS`` reasons of each kind are kept; the counts are complete.
    """

    teams_processed: int
    teams_skipped: int
    teams_failed: int
    clusters_created: int
    skipped: list[TeamReason]
    failed: list[TeamReason]
    duration_seconds: float


@dataclass(frozen=True)
class TeamSummary:
    """A team as the store knows it; counts are of traces with a usable vector."""

    team_id: int
    traces: int
    first_trace_at: datetime
    last_trace_at: datetime
    last_run_id: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """A run as the store knows it, whether or not it ended in an event."""

    run_id: str
    team_id: int
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    workflow_id: str
    workflow_run_id: str
    reason: str = ""
    traces_analyzed: int = 0
    sampled_traces: int = 0
    optimal_k: int = 0
    silhouette_score: float | None = None
    verdict: str = ""


@dataclass(frozen=True)
class TraceDocument:
    """One trace's text, its vector's name and what is known about it, as it is stored."""

    document_id: str
    timestamp: datetime
    rendering: str
    content: str
    metadata: str


@dataclass(frozen=True)
class Member:
    """A trace of a cluster; ``distance`` is Euclidean, to the cluster's centroid."""

    trace_id: str
    cluster_id: int
    distance: float
    content: str = ""
    metadata: str = ""
    timestamp: datetime | None = None


@dataclass(frozen=True)
class ActivityStep:
    """An activity of a workflow, from being asked for to its end.

    Attributes:
        name: its type.
        status: waiting for a worker, or for the next attempt, counts as waiting.
        started_at, finished_at: of the latest attempt.
        failure: why it failed; of one that did not, why the attempt before did.
    """

    name: str
    status: StepStatus
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = 1
    failure: str | None = None


@dataclass(frozen=True)
class WorkflowState:
    """How a workflow stands in Temporal.

    Attributes:
        activities: those under way: name, attempt and the failure of the attempt before.
        steps: all activities so far, in the order they were asked for; those of a
            coordinator, which may be thousands, are not told.
        result: what it returned, once it has completed.
        failure: why it failed, in a sentence.
    """

    workflow_id: str
    status: RunStatus
    started_at: datetime
    closed_at: datetime | None
    activities: list[dict[str, Any]]
    result: Any = None
    failure: str | None = None
    steps: list[ActivityStep] = field(default_factory=list)
