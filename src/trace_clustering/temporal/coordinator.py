"""The workflow ``trace-clustering-coordinator``: one child workflow a team, a few at once.

It reads team ids page by page and continues as new after each page, so that its history
stays small however many teams there are. Children are drained before it continues, because
continuing closes the parent that they belong to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import (
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from trace_clustering import constants as c
    from trace_clustering.errors import InvalidInputError
    from trace_clustering.inputs import (
        format_time,
        parse_coordinator_inputs,
        parse_rfc3339,
        resolve_window,
    )
    from trace_clustering.models import (
        ClusteringInputs,
        ClusteringOutput,
        CoordinatorInputs,
        CoordinatorOutput,
        CoordinatorProgress,
        DiscoverTeamsInput,
        TeamReason,
        Window,
    )
    from trace_clustering.temporal.failures import refusal, short_reason
    from trace_clustering.temporal.lanes import in_lanes
    from trace_clustering.temporal.running import run_activity


@workflow.defn(name=c.COORDINATOR_WORKFLOW_NAME)
class TraceClusteringCoordinatorWorkflow:
    @workflow.run
    async def run(self, inputs: Any = None) -> CoordinatorOutput:
        """Cluster every team that has enough traces; a team's failure stops no other."""
        try:
            checked = parse_coordinator_inputs(inputs)
        except InvalidInputError as error:
            raise refusal(error) from error
        progress = checked.progress or CoordinatorProgress(
            started_at=format_time(workflow.info().start_time)
        )
        started = parse_rfc3339("started_at", progress.started_at)
        page = _Page(checked, _window(checked, started), progress)
        more = await page.run()
        if more:
            workflow.continue_as_new(replace(checked, progress=page.progress()))
        return _output(page.progress(), started)


@dataclass
class _Page:
    """One page of teams, and the totals up to and including it."""

    inputs: CoordinatorInputs
    window: Window
    before: CoordinatorProgress
    outputs: list[ClusteringOutput] = field(default_factory=list)
    skipped: list[TeamReason] = field(default_factory=list)
    failed: list[TeamReason] = field(default_factory=list)
    last_started: int | None = None

    async def run(self) -> bool:
        """Cluster the page's teams; whether there may be more."""
        teams = await self._discover()
        await in_lanes(self._started(teams), self.inputs.max_concurrent_teams, self._cluster)
        return len(teams) == c.TEAMS_PER_COORDINATOR_RUN or self.last_started != _last(teams)

    async def _discover(self) -> list[int]:
        teams: list[int] = await run_activity(
            "find_teams_with_embeddings_activity",
            DiscoverTeamsInput(
                window=self.window,
                min_embeddings=self.inputs.min_embeddings,
                allowed_team_ids=self.inputs.allowed_team_ids,
                after_team_id=self.before.after_team_id,
                limit=c.TEAMS_PER_COORDINATOR_RUN,
            ),
            list[int],
            c.DISCOVER_TEAMS_TIMEOUT,
        )
        return teams

    def _started(self, teams: list[int]) -> Iterator[int]:
        """The teams as they are started; no more once the history has grown too long."""
        for team_id in teams:
            self.last_started = team_id
            yield team_id
            if workflow.info().is_continue_as_new_suggested():
                return

    async def _cluster(self, team_id: int) -> None:
        try:
            output = await workflow.execute_child_workflow(
                c.WORKFLOW_NAME,
                self._child_inputs(team_id),
                id=f"trace-clustering-team-{team_id}-{self.before.started_at}",
                result_type=ClusteringOutput,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                execution_timeout=c.WORKFLOW_EXECUTION_TIMEOUT + timedelta(minutes=1),
            )
        except WorkflowAlreadyStartedError:
            self.skipped.append(TeamReason(team_id, "clustered already for this schedule"))
        except ChildWorkflowError as error:
            if is_cancelled_exception(error) and workflow.cancellation_reason() is not None:
                raise
            reason = short_reason(error)
            self.failed.append(TeamReason(team_id, reason))
            workflow.logger.warning(
                "Clustering of a team failed", extra={"team_id": team_id, "reason": reason}
            )
        else:
            self._count(output)

    def _count(self, output: ClusteringOutput) -> None:
        if output.status == "skipped":
            self.skipped.append(TeamReason(output.team_id, output.skip_reason or ""))
        else:
            self.outputs.append(output)

    def _child_inputs(self, team_id: int) -> ClusteringInputs:
        return ClusteringInputs(
            team_id=team_id,
            lookback_days=self.inputs.lookback_days,
            max_samples=self.inputs.max_samples,
            min_k=self.inputs.min_k,
            max_k=self.inputs.max_k,
            window_start=self.window.start,
            window_end=self.window.end,
            seed=self.inputs.seed,
        )

    def progress(self) -> CoordinatorProgress:
        before = self.before
        return CoordinatorProgress(
            started_at=before.started_at,
            after_team_id=self.last_started,
            teams_processed=before.teams_processed + len(self.outputs),
            teams_skipped=before.teams_skipped + len(self.skipped),
            teams_failed=before.teams_failed + len(self.failed),
            clusters_created=before.clusters_created
            + sum(len(output.clusters) for output in self.outputs),
            skipped=[*before.skipped, *self.skipped][: c.MAX_REPORTED_REASONS],
            failed=[*before.failed, *self.failed][: c.MAX_REPORTED_REASONS],
        )


def _window(inputs: CoordinatorInputs, started: datetime) -> Window:
    return resolve_window(ClusteringInputs(1, lookback_days=inputs.lookback_days), started)


def _last(teams: list[int]) -> int | None:
    return teams[-1] if teams else None


def _output(progress: CoordinatorProgress, started: datetime) -> CoordinatorOutput:
    output = CoordinatorOutput(
        teams_processed=progress.teams_processed,
        teams_skipped=progress.teams_skipped,
        teams_failed=progress.teams_failed,
        clusters_created=progress.clusters_created,
        skipped=progress.skipped,
        failed=progress.failed,
        duration_seconds=round((workflow.now() - started).total_seconds(), 3),
    )
    workflow.logger.info(
        "Coordinator completed",
        extra={
            "teams_processed": output.teams_processed,
            "teams_skipped": output.teams_skipped,
            "teams_failed": output.teams_failed,
            "clusters_created": output.clusters_created,
            "duration_seconds": output.duration_seconds,
        },
    )
    return output
