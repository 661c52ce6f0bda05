"""The workflow ``trace-summarization``: one team's pending traces, batch by batch.

What it takes on is kept in the store as a snapshot; only its name, counts and the numbers of
batches travel. A batch that fails stops no other: its traces stay pending for the next run.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from trace_clustering import constants as c
    from trace_clustering.errors import InvalidInputError
    from trace_clustering.inputs import format_time, parse_rfc3339, parse_summarization_inputs
    from trace_clustering.models.summarization import (
        BatchInput,
        SnapshotInput,
        SnapshotRef,
        SummarizationInputs,
        SummarizationOutput,
        SummarizationTotals,
    )
    from trace_clustering.temporal.failures import refusal, short_reason
    from trace_clustering.temporal.lanes import in_lanes
    from trace_clustering.temporal.running import run_activity


@workflow.defn(name=c.SUMMARIZATION_WORKFLOW_NAME)
class TraceSummarizationWorkflow:
    @workflow.run
    async def run(self, inputs: Any = None) -> SummarizationOutput:
        """Summarize and embed a team's pending traces."""
        try:
            checked = parse_summarization_inputs(inputs)
        except InvalidInputError as error:
            raise refusal(error) from error
        if checked.started_at is None:
            started_at = format_time(workflow.info().start_time)
            checked = replace(checked, started_at=started_at, totals=SummarizationTotals())
        snapshot = await _take_snapshot(checked)
        done = await _Batches(checked.team_id, snapshot).run()
        totals = (checked.totals or SummarizationTotals()).plus(done)
        # Where nothing succeeds the rest would not either; it stays pending.
        if snapshot.traces == c.SUMMARY_SNAPSHOT_TRACES and any(one.summarized for one in done):
            workflow.continue_as_new(replace(checked, totals=totals))
        if totals.failures and not totals.summarized:
            raise ApplicationError(totals.failures[0], type="SummarizationFailed")
        return _output(checked, totals)


class _Batches:
    """All batches of a snapshot, a few at once."""

    def __init__(self, team_id: int, snapshot: SnapshotRef) -> None:
        self._team_id = team_id
        self._snapshot = snapshot
        self._done: list[SummarizationTotals] = []

    async def run(self) -> list[SummarizationTotals]:
        batches = range(self._snapshot.batches)
        await in_lanes(batches, c.SUMMARY_CONCURRENT_BATCHES, self._take)
        return self._done

    async def _take(self, batch: int) -> None:
        self._done.append(await self._summarize(batch))

    async def _summarize(self, batch: int) -> SummarizationTotals:
        try:
            done: SummarizationTotals = await run_activity(
                "summarize_traces_activity",
                BatchInput(self._team_id, self._snapshot.name, batch),
                SummarizationTotals,
                c.SUMMARIZE_BATCH_TIMEOUT,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            reason = short_reason(error)
            extra = {"team_id": self._team_id, "batch": batch, "reason": reason}
            workflow.logger.warning("A batch of traces was not summarized", extra=extra)
            return SummarizationTotals(failed=self._size_of(batch), failures=[reason])
        return done

    def _size_of(self, batch: int) -> int:
        return min(c.SUMMARY_BATCH_TRACES, self._snapshot.traces - batch * c.SUMMARY_BATCH_TRACES)


async def _take_snapshot(inputs: SummarizationInputs) -> SnapshotRef:
    snapshot: SnapshotRef = await run_activity(
        "snapshot_pending_traces_activity",
        SnapshotInput(
            team_id=inputs.team_id,
            quiet_seconds=inputs.quiet_seconds,
            batch_size=c.SUMMARY_BATCH_TRACES,
            limit=c.SUMMARY_SNAPSHOT_TRACES,
        ),
        SnapshotRef,
        c.DISCOVER_TEAMS_TIMEOUT,
    )
    return snapshot


def _output(inputs: SummarizationInputs, totals: SummarizationTotals) -> SummarizationOutput:
    started = parse_rfc3339("started_at", inputs.started_at)
    took: timedelta = workflow.now() - started
    output = SummarizationOutput(
        team_id=inputs.team_id,
        summarized=totals.summarized,
        embedded=totals.embedded,
        failed=totals.failed,
        fallbacks=totals.fallbacks,
        failures=totals.failures,
        duration_seconds=round(took.total_seconds(), 3),
    )
    workflow.logger.info(
        "Summarization completed",
        extra={
            "team_id": output.team_id,
            "summarized": output.summarized,
            "embedded": output.embedded,
            "failed": output.failed,
            "fallbacks": sum(output.fallbacks.values()),
            "duration_seconds": output.duration_seconds,
        },
    )
    return output
