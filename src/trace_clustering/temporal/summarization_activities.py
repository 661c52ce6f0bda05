"""The summarization's activities: thin methods over the store and what summarizes a batch."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import activity

from trace_clustering.models.summarization import (
    BatchInput,
    PendingTeamsInput,
    SnapshotInput,
    SnapshotRef,
    SummarizationTotals,
)
from trace_clustering.observability import get_logger
from trace_clustering.summarization import Summarization
from trace_clustering.temporal.names import FALLBACKS_METRIC, SUMMARIZED_METRIC
from trace_clustering.temporal.under_way import check_cancelled, under_way

log = get_logger()


class SummarizationActivities:
    """Activities of both workflows of the summarization."""

    def __init__(self, summarization: Summarization) -> None:
        self._summarization = summarization
        self._traces = summarization.store.traces

    @property
    def all(self) -> list[Callable[..., object]]:
        return [
            self.find_teams_with_pending_traces_activity,
            self.snapshot_pending_traces_activity,
            self.summarize_traces_activity,
        ]

    @activity.defn(name="find_teams_with_pending_traces_activity", no_thread_cancel_exception=True)
    def find_teams_with_pending_traces_activity(self, given: PendingTeamsInput) -> list[int]:
        """One page of the teams that have traces to be summarized."""
        with under_way():
            return self._traces.teams_with_pending(
                quiet_seconds=given.quiet_seconds, after=given.after_team_id, limit=given.limit
            )

    @activity.defn(name="snapshot_pending_traces_activity", no_thread_cancel_exception=True)
    def snapshot_pending_traces_activity(self, given: SnapshotInput) -> SnapshotRef:
        """Keep which of a team's traces are pending, so that no list of them travels."""
        with under_way(given.team_id):
            info = activity.info()
            # An attempt that was given up may have written its rows.
            name = f"{info.workflow_run_id}/{info.attempt}"
            found = self._traces.take_snapshot(
                given.team_id,
                name,
                quiet_seconds=given.quiet_seconds,
                batch_size=given.batch_size,
                limit=given.limit,
            )
            log.info("Found traces to summarize", traces=found.traces)
            return SnapshotRef(name, found.traces, found.batches)

    @activity.defn(name="summarize_traces_activity", no_thread_cancel_exception=True)
    def summarize_traces_activity(self, given: BatchInput) -> SummarizationTotals:
        """Summarize and embed one batch; done again, it goes on where it was broken off."""
        with under_way(given.team_id):
            trace_ids = self._traces.batch(given.team_id, given.snapshot, given.batch)
            report = self._summarization.summarize(
                given.team_id, trace_ids, on_progress=check_cancelled
            )
            meter = activity.metric_meter()
            meter.create_counter(SUMMARIZED_METRIC, "Traces summarized.").add(report.summarized)
            fallbacks = meter.create_counter(FALLBACKS_METRIC, "Summaries a model did not give.")
            for reason, n in report.fallbacks.items():
                fallbacks.add(n, {"reason": reason})
            log.info(
                "Summarized traces",
                summarized=report.summarized,
                embedded=report.embedded,
                failed=report.failed,
            )
            return report
