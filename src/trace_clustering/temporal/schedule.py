"""The coordinators' schedules: created, kept as the settings want them, never doubled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from trace_clustering import constants as c
from trace_clustering.inputs import (
    checked_int,
    parse_coordinator_inputs,
    parse_summarization_coordinator_inputs,
)
from trace_clustering.models import CoordinatorInputs
from trace_clustering.models.summarization import SummarizationCoordinatorInputs

ScheduleChange = Literal["created", "updated", "unchanged"]


async def create_trace_clustering_coordinator_schedule(
    client: Client,
    interval_days: int = c.DEFAULT_INTERVAL_DAYS,
    lookback_days: int = c.DEFAULT_LOOKBACK_DAYS,
    max_samples: int = c.DEFAULT_MAX_SAMPLES,
    min_embeddings: int = c.DEFAULT_MIN_EMBEDDINGS,
    *,
    min_k: int = c.DEFAULT_MIN_K,
    max_k: int = c.DEFAULT_MAX_K,
    max_concurrent_teams: int = c.DEFAULT_MAX_CONCURRENT_TEAMS,
    allowed_team_ids: list[int] | None = None,
    seed: int | None = None,
    task_queue: str = c.TASK_QUEUE,
) -> ScheduleChange:
    """Create the coordinator's schedule, or bring an existing one up to date.

    Runs at midnight UTC, every ``interval_days``. A run that is still going when the next is
    due makes that one be skipped; one that was missed because nothing was up is made up
    once. A paused schedule stays paused.

    Raises:
        InvalidInputError: names the parameter that cannot be accepted.
    """
    allowed = c.ALLOWED_TEAM_IDS if allowed_team_ids is None else allowed_team_ids
    inputs = parse_coordinator_inputs(
        CoordinatorInputs(
            lookback_days=lookback_days,
            max_samples=max_samples,
            min_k=min_k,
            max_k=max_k,
            min_embeddings=min_embeddings,
            max_concurrent_teams=max_concurrent_teams,
            allowed_team_ids=list(allowed),
            seed=seed,
        )
    )
    every = timedelta(days=checked_int("interval_days", interval_days))
    wanted = _schedule(c.COORDINATOR_WORKFLOW_NAME, inputs, every, task_queue)
    return await _ensure(client, c.COORDINATOR_SCHEDULE_ID, wanted)


async def create_trace_summarization_schedule(
    client: Client,
    interval_minutes: int = c.DEFAULT_SUMMARY_INTERVAL_MINUTES,
    quiet_minutes: int = c.DEFAULT_SUMMARY_QUIET_MINUTES,
    *,
    max_concurrent_teams: int = c.DEFAULT_MAX_CONCURRENT_TEAMS,
    task_queue: str = c.TASK_QUEUE,
) -> ScheduleChange:
    """Create the summarization's schedule, or bring an existing one up to date.

    What is said of the clustering's schedule holds for this one too.

    Raises:
        InvalidInputError: names the parameter that cannot be accepted.
    """
    inputs = parse_summarization_coordinator_inputs(
        SummarizationCoordinatorInputs(quiet_minutes * 60, max_concurrent_teams)
    )
    every = timedelta(minutes=checked_int("interval_minutes", interval_minutes))
    wanted = _schedule(c.SUMMARIZATION_COORDINATOR_NAME, inputs, every, task_queue)
    return await _ensure(client, c.SUMMARIZATION_SCHEDULE_ID, wanted)


async def _ensure(client: Client, schedule_id: str, wanted: Schedule) -> ScheduleChange:
    try:
        await client.create_schedule(schedule_id, wanted)
    except ScheduleAlreadyRunningError:
        return await _update(client, schedule_id, wanted)
    return "created"


async def _update(client: Client, schedule_id: str, wanted: Schedule) -> ScheduleChange:
    handle = client.get_schedule_handle(schedule_id)
    if await _is_as_wanted(client, await handle.describe(), wanted):
        return "unchanged"

    def carry_state_over(given: ScheduleUpdateInput) -> ScheduleUpdate:
        # Without its present state a paused schedule would start again by itself.
        return ScheduleUpdate(replace(wanted, state=given.description.schedule.state))

    await handle.update(carry_state_over)
    return "updated"


def _schedule(coordinator: str, inputs: object, every: timedelta, task_queue: str) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            coordinator,
            inputs,
            id=coordinator,
            task_queue=task_queue,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        # Exactly one tick lies in a catch-up window that is one interval long.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every),
    )


async def _is_as_wanted(client: Client, found: ScheduleDescription, wanted: Schedule) -> bool:
    present = found.schedule
    action, wanted_action = present.action, wanted.action
    if not isinstance(action, ScheduleActionStartWorkflow):
        return False
    assert isinstance(wanted_action, ScheduleActionStartWorkflow)
    return (
        present.policy == wanted.policy
        and [(i.every, i.offset) for i in present.spec.intervals]
        == [(i.every, i.offset) for i in wanted.spec.intervals]
        and (action.workflow, action.task_queue)
        == (wanted_action.workflow, wanted_action.task_queue)
        and await _inputs(client, action, type(wanted_action.args[0])) == wanted_action.args[0]
    )


async def _inputs(
    client: Client, action: ScheduleActionStartWorkflow, kind: type[object]
) -> object | None:
    """A described schedule's arguments come as payloads."""
    values = await client.data_converter.decode(list(action.args), [kind])
    return values[0] if values else None
