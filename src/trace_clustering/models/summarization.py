"""What the summarization's workflows and activities hand to each other: references and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from trace_clustering import constants as c
from trace_clustering.models import TeamReason

_QUIET_SECONDS = c.DEFAULT_SUMMARY_QUIET_MINUTES * 60


@dataclass(frozen=True)
class SummarizationTotals:
    """What has been done so far.

    Attributes:
        summarized: traces that have a summary now.
        embedded: texts that got a vector.
        failed: traces that could not be summarized, or that were in a batch that failed.
        fallbacks: by reason, traces whose summary a language model was asked for in vain.
        failures: why batches failed, each reason once.
    """

    summarized: int = 0
    embedded: int = 0
    failed: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def plus(self, others: Iterable[SummarizationTotals]) -> SummarizationTotals:
        total = self
        for other in others:
            reasons = [*total.failures, *(r for r in other.failures if r not in total.failures)]
            total = SummarizationTotals(
                total.summarized + other.summarized,
                total.embedded + other.embedded,
                total.failed + other.failed,
                dict(Counter(total.fallbacks) + Counter(other.fallbacks)),
                reasons[: c.MAX_REPORTED_REASONS],
            )
        return total


@dataclass(frozen=True)
class SummarizationInputs:
    """What the workflow ``trace-summarization`` is started with.

    Attributes:
        quiet_seconds: traces of which something came since are left for later.
        started_at: RFC 3339; set by the workflow when it continues as new.
        totals: the same.
    """

    team_id: int
    quiet_seconds: int = _QUIET_SECONDS
    started_at: str | None = None
    totals: SummarizationTotals | None = None


@dataclass(frozen=True)
class SummarizationOutput:
    """What ``trace-summarization`` returns."""

    team_id: int
    summarized: int
    embedded: int
    failed: int
    fallbacks: dict[str, int]
    failures: list[str]
    duration_seconds: float

    @property
    def totals(self) -> SummarizationTotals:
        return SummarizationTotals(
            self.summarized, self.embedded, self.failed, self.fallbacks, self.failures
        )


@dataclass(frozen=True)
class SummarizationCoordinatorInputs:
    """What ``trace-summarization-coordinator`` is started with.

    Attributes:
        progress: set by the coordinator when it continues as new.
    """

    quiet_seconds: int = _QUIET_SECONDS
    max_concurrent_teams: int = c.DEFAULT_MAX_CONCURRENT_TEAMS
    progress: SummarizationProgress | None = None


@dataclass(frozen=True)
class SummarizationProgress:
    """How far the coordinator has come."""

    started_at: str
    after_team_id: int | None = None
    teams: int = 0
    totals: SummarizationTotals = SummarizationTotals()
    failed_teams: list[TeamReason] = field(default_factory=list)

    def beyond(
        self, team_id: int, totals: SummarizationTotals, failed: Iterable[TeamReason], teams: int
    ) -> SummarizationProgress:
        """The same after a page of teams up to ``team_id``."""
        reasons = [*self.failed_teams, *failed][: c.MAX_REPORTED_REASONS]
        return replace(
            self,
            after_team_id=team_id,
            teams=self.teams + teams,
            totals=totals,
            failed_teams=reasons,
        )


@dataclass(frozen=True)
class SummarizationCoordinatorOutput:
    """What ``trace-summarization-coordinator`` returns."""

    teams: int
    summarized: int
    embedded: int
    failed: int
    fallbacks: dict[str, int]
    failed_teams: list[TeamReason]
    duration_seconds: float


@dataclass(frozen=True)
class PendingTeamsInput:
    """A page of teams with traces to be summarized."""

    quiet_seconds: int
    after_team_id: int | None
    limit: int


@dataclass(frozen=True)
class SnapshotInput:
    """Which traces a workflow takes on: all that are pending, up to ``limit``."""

    team_id: int
    quiet_seconds: int
    batch_size: int
    limit: int


@dataclass(frozen=True)
class SnapshotRef:
    """Where the ids of the traces are kept, and how many they are."""

    name: str
    traces: int
    batches: int


@dataclass(frozen=True)
class BatchInput:
    """One batch of a snapshot."""

    team_id: int
    snapshot: str
    batch: int
