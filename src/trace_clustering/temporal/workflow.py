"""The workflow ``daily-trace-clustering``: the contract's five activities, for one team.

Before the last of them, several at once make what the run tells beyond its clusters.

It decides nothing that an activity could; what the activities hand to each other are
counts, scores and the run's id, never a vector or a list of traces.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from trace_clustering import constants as c
    from trace_clustering.errors import InvalidInputError
    from trace_clustering.inputs import parse_clustering_inputs, run_parameters
    from trace_clustering.models import (
        ClusteredRun,
        ClusteringDone,
        ClusteringInput,
        ClusteringOutput,
        EmbeddingsFound,
        OptimalK,
        OptimalKInput,
        RunEnd,
        RunParameters,
        SampleInput,
        SampleRef,
    )
    from trace_clustering.temporal.failures import refusal, root_cause
    from trace_clustering.temporal.names import RUNS_METRIC
    from trace_clustering.temporal.parts import PartsMade, make_parts
    from trace_clustering.temporal.running import RETRY_POLICY, run_activity

TIMED_OUT = "WorkflowTimeout"
_WITH_PARTS = "parts"


@workflow.defn(name=c.WORKFLOW_NAME)
class DailyTraceClusteringWorkflow:
    @workflow.run
    async def run(self, inputs: Any = None, *more: Any) -> ClusteringOutput:
        """Cluster one team's traces; see ``parse_clustering_inputs`` for what is accepted.

        Several arguments are taken like one list of them.
        """
        started = workflow.info().start_time
        try:
            parameters = run_parameters(
                parse_clustering_inputs([inputs, *more] if more else inputs), started
            )
        except InvalidInputError as error:
            _count("refused")
            raise refusal(error) from error
        workflow.logger.info("Starting trace clustering", extra=_log_fields(parameters))
        try:
            output = await self._cluster_in_time(parameters, started)
        except FailureError as error:
            await _record_end(_end(parameters, error))
            raise
        _report(output)
        return output

    async def _cluster_in_time(
        self, parameters: RunParameters, started: datetime
    ) -> ClusteringOutput:
        left = c.WORKFLOW_EXECUTION_TIMEOUT - c.WRAP_UP_TIME - (workflow.now() - started)
        try:
            async with asyncio.timeout(left.total_seconds()) as limit:
                return await self._cluster(parameters, started)
        except (TimeoutError, ActivityError) as error:
            # An activity that is cancelled because time is up says so in its own error.
            if not limit.expired():
                raise
            raise ApplicationError(
                f"not done within {c.WORKFLOW_EXECUTION_TIMEOUT_MINUTES} minutes",
                type=TIMED_OUT,
                non_retryable=True,
            ) from error

    async def _cluster(self, parameters: RunParameters, started: datetime) -> ClusteringOutput:
        found: EmbeddingsFound = await run_activity(
            "query_trace_embeddings_activity",
            parameters,
            EmbeddingsFound,
            c.QUERY_EMBEDDINGS_TIMEOUT,
        )
        if found.skip_reason:
            return _output(parameters, found, started, skip_reason=found.skip_reason)
        sample: SampleRef = await run_activity(
            "sample_embeddings_activity",
            SampleInput(parameters, found),
            SampleRef,
            c.SAMPLE_EMBEDDINGS_TIMEOUT,
        )
        optimal: OptimalK = await run_activity(
            "determine_optimal_k_activity",
            OptimalKInput(parameters, found, sample),
            OptimalK,
            c.DETERMINE_OPTIMAL_K_TIMEOUT,
        )
        if optimal.skip_reason:
            return _output(parameters, found, started, sample, skip_reason=optimal.skip_reason)
        done: ClusteringDone = await run_activity(
            "perform_clustering_activity",
            ClusteringInput(parameters, sample, optimal),
            ClusteringDone,
            c.PERFORM_CLUSTERING_TIMEOUT,
        )
        run = ClusteredRun(parameters, found, sample, optimal, done)
        parts = await self._make_parts(run, started)
        await run_activity(
            "emit_cluster_events_activity",
            replace(run, missing_parts=parts.missing) if parts else run,
            None,
            c.EMIT_EVENTS_TIMEOUT,
            # Whether the event was written must be known before the run ends.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return _output(parameters, found, started, sample, done, parts)

    async def _make_parts(self, run: ClusteredRun, started: datetime) -> PartsMade | None:
        """What the run tells beyond its clusters; None where an older version began the run."""
        if not workflow.patched(_WITH_PARTS):
            return None
        until = started + c.WORKFLOW_EXECUTION_TIMEOUT - c.WRAP_UP_TIME - c.EMIT_EVENTS_TIMEOUT
        return await make_parts(run, until)


def _output(
    parameters: RunParameters,
    found: EmbeddingsFound,
    started: datetime,
    sample: SampleRef | None = None,
    done: ClusteringDone | None = None,
    parts: PartsMade | None = None,
    *,
    skip_reason: str | None = None,
) -> ClusteringOutput:
    return ClusteringOutput(
        clustering_run_id=found.run_id,
        team_id=parameters.team_id,
        traces_analyzed=found.usable,
        sampled_traces=sample.size if sample else 0,
        optimal_k=done.optimal_k if done else None,
        silhouette_score=done.silhouette_score if done else None,
        clusters=done.clusters if done else [],
        duration_seconds=round((workflow.now() - started).total_seconds(), 3),
        status="completed" if done else "skipped",
        skip_reason=skip_reason,
        excluded_traces=found.excluded.total,
        verdict=parts.verdict if parts else None,
    )


def _log_fields(parameters: RunParameters) -> dict[str, object]:
    return {
        "team_id": parameters.team_id,
        "window_start": parameters.window.start,
        "window_end": parameters.window.end,
    }


def _count(outcome: str) -> None:
    counter = workflow.metric_meter().create_counter(RUNS_METRIC, "Clustering runs by outcome.")
    counter.add(1, {"outcome": outcome})


def _end(parameters: RunParameters, error: FailureError) -> RunEnd:
    if is_cancelled_exception(error):
        return RunEnd(parameters, "cancelled", "the run was cancelled")
    timed_out = isinstance(error, ApplicationError) and error.type == TIMED_OUT
    return RunEnd(parameters, "timed_out" if timed_out else "failed", root_cause(error))


async def _record_end(end: RunEnd) -> None:
    """Count, log and store how a run ended; a store that fails must not hide why it did."""
    _count(end.status)
    extra = {**_log_fields(end.parameters), "reason": end.reason}
    workflow.logger.warning(f"Clustering {end.status.replace('_', ' ')}", extra=extra)
    try:
        await workflow.execute_activity(
            "record_run_end_activity",
            end,
            schedule_to_close_timeout=c.RECORD_END_TIMEOUT,
            retry_policy=RETRY_POLICY,
        )
    except ActivityError:
        workflow.logger.warning("The end of the run could not be stored", extra=extra)


def _report(output: ClusteringOutput) -> None:
    _count(output.status)
    workflow.logger.info(
        "Clustering completed" if output.status == "completed" else "Clustering skipped",
        extra={
            "team_id": output.team_id,
            "run_id": output.clustering_run_id,
            "optimal_k": output.optimal_k,
            "silhouette_score": output.silhouette_score,
            "traces_analyzed": output.traces_analyzed,
            "sampled_traces": output.sampled_traces,
            "duration_seconds": output.duration_seconds,
            "skip_reason": output.skip_reason,
            "verdict": output.verdict,
        },
    )
