"""The workflow ``trace-summarization-coordinator``: one child workflow a team, a few at once.

Like the clustering's coordinator it reads team ids page by page, drains its children and then
continues as new.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from temporalio import workflow
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
        parse_rfc3339,
        parse_summarization_coordinator_inputs,
    )
    from trace_clustering.models import TeamReason
    from trace_clustering.models.summarization import (
        PendingTeamsInput,
        SummarizationCoordinatorInputs,
        SummarizationCoordinatorOutput,
        SummarizationInputs,
        SummarizationOutput,
        SummarizationProgress,
        SummarizationTotals,
    )
    from trace_clustering.temporal.failures import refusal, short_reason
    from trace_clustering.temporal.lanes import in_lanes
    from trace_clustering.temporal.running import run_activity


@workflow.defn(name=c.SUMMARIZATION_COORDINATOR_NAME)
class TraceSummarizationCoordinatorWorkflow:
    @workflow.run
    async def run(self, inputs: Any = None) -> SummarizationCoordinatorOutput:
        """Summarize every team's pending traces; a team's failure stops no other."""
        try:
            checked = parse_summarization_coordinator_inputs(inputs)
        except InvalidInputError as error:
            raise refusal(error) from error
        progress = checked.progress or SummarizationProgress(
            started_at=format_time(workflow.info().start_time)
        )
        teams = await _discover(checked, progress)
        page = _Page(checked, progress)
        await in_lanes(teams, checked.max_concurrent_teams, page.summarize)
        if teams:
            progress = page.progress(teams[-1])
        if len(teams) == c.TEAMS_PER_COORDINATOR_RUN:
            workflow.continue_as_new(replace(checked, progress=progress))
        return _output(progress)


class _Page:
    """One page of teams."""

    def __init__(
        self, inputs: SummarizationCoordinatorInputs, before: SummarizationProgress
    ) -> None:
        self._inputs = inputs
        self._before = before
        self._done: list[SummarizationTotals] = []
        self._failed: list[TeamReason] = []

    def progress(self, last_team_id: int) -> SummarizationProgress:
        totals = self._before.totals.plus(self._done)
        return self._before.beyond(last_team_id, totals, self._failed, len(self._done))

    async def summarize(self, team_id: int) -> None:
        """Summarize one team; what became of it is kept."""
        try:
            output = await workflow.execute_child_workflow(
                c.SUMMARIZATION_WORKFLOW_NAME,
                SummarizationInputs(team_id, self._inputs.quiet_seconds),
                id=f"{c.SUMMARIZATION_WORKFLOW_NAME}-team-{team_id}",
                result_type=SummarizationOutput,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            )
        except WorkflowAlreadyStartedError:
            # What it has not seen is taken on the next time.
            workflow.logger.info("Summarized already", extra={"team_id": team_id})
        except ChildWorkflowError as error:
            if is_cancelled_exception(error) and workflow.cancellation_reason() is not None:
                raise
            self._failed.append(TeamReason(team_id, short_reason(error)))
        else:
            self._done.append(output.totals)


async def _discover(
    inputs: SummarizationCoordinatorInputs, progress: SummarizationProgress
) -> list[int]:
    teams: list[int] = await run_activity(
        "find_teams_with_pending_traces_activity",
        PendingTeamsInput(
            quiet_seconds=inputs.quiet_seconds,
            after_team_id=progress.after_team_id,
            limit=c.TEAMS_PER_COORDINATOR_RUN,
        ),
        list[int],
        c.DISCOVER_TEAMS_TIMEOUT,
    )
    return teams


def _output(progress: SummarizationProgress) -> SummarizationCoordinatorOutput:
    started = parse_rfc3339("started_at", progress.started_at)
    totals = progress.totals
    output = SummarizationCoordinatorOutput(
        teams=progress.teams,
        summarized=totals.summarized,
        embedded=totals.embedded,
        failed=totals.failed,
        fallbacks=totals.fallbacks,
        failed_teams=progress.failed_teams,
        duration_seconds=round((workflow.now() - started).total_seconds(), 3),
    )
    workflow.logger.info(
        "Summarization of all teams completed",
        extra={
            "teams": output.teams,
            "summarized": output.summarized,
            "failed": output.failed,
            "failed_teams": len(output.failed_teams),
            "duration_seconds": output.duration_seconds,
        },
    )
    return output
