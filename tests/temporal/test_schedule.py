"""The coordinator's schedule on a real Temporal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    ScheduleOverlapPolicy,
    WorkflowFailureError,
)

from trace_clustering.constants import (
    COORDINATOR_SCHEDULE_ID,
    COORDINATOR_WORKFLOW_NAME,
    SUMMARIZATION_COORDINATOR_NAME,
    SUMMARIZATION_SCHEDULE_ID,
)
from trace_clustering.errors import InvalidInputError
from trace_clustering.models import CoordinatorInputs
from trace_clustering.models.summarization import SummarizationCoordinatorInputs
from trace_clustering.temporal import schedule as schedules
from trace_clustering.temporal.dev_server import dev_server
from trace_clustering.temporal.schedule import (
    create_trace_clustering_coordinator_schedule,
    create_trace_summarization_schedule,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def fresh(client: Client) -> AsyncIterator[Client]:
    """A Temporal without the schedule, which has one name for all."""
    yield client
    await client.get_schedule_handle(COORDINATOR_SCHEDULE_ID).delete()


async def describe(client: Client) -> ScheduleDescription:
    return await client.get_schedule_handle(COORDINATOR_SCHEDULE_ID).describe()


async def inputs_of(client: Client) -> CoordinatorInputs:
    action = (await describe(client)).schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    (inputs,) = await client.data_converter.decode(list(action.args), [CoordinatorInputs])
    assert isinstance(inputs, CoordinatorInputs)
    return inputs


async def test_it_is_created_once_and_updated_when_settings_change(fresh: Client) -> None:
    create = create_trace_clustering_coordinator_schedule
    assert await create(fresh, interval_days=1) == "created"
    found = (await describe(fresh)).schedule
    assert [i.every for i in found.spec.intervals] == [timedelta(days=1)]
    assert found.policy.overlap == ScheduleOverlapPolicy.SKIP
    assert found.policy.catchup_window == timedelta(days=1)

    assert await create(fresh, interval_days=1) == "unchanged"
    changed: dict[str, Any] = {"lookback_days": 14, "max_samples": 5000, "min_embeddings": 50}
    assert await create(fresh, interval_days=3, **changed) == "updated"
    assert await inputs_of(fresh) == CoordinatorInputs(**changed)
    assert await create(fresh, interval_days=3, **changed) == "unchanged"
    # A list of them lags behind what was created and deleted.
    await until(lambda: lists_only(fresh, COORDINATOR_SCHEDULE_ID))


async def lists_only(client: Client, schedule_id: str) -> bool:
    return [one.id async for one in await client.list_schedules()] == [schedule_id]


async def test_the_summarization_has_a_schedule_of_its_own(client: Client) -> None:
    create = create_trace_summarization_schedule
    handle = client.get_schedule_handle(SUMMARIZATION_SCHEDULE_ID)
    try:
        assert await create(client) == "created"
        await handle.pause(note="no model today")
        assert await create(client) == "unchanged"
        assert await create(client, interval_minutes=15, quiet_minutes=2) == "updated"
        found = (await handle.describe()).schedule
        assert [i.every for i in found.spec.intervals] == [timedelta(minutes=15)]
        assert (found.state.paused, found.state.note) == (True, "no model today")
        action = found.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        assert action.workflow == SUMMARIZATION_COORDINATOR_NAME
        payloads = list(action.args)
        (inputs,) = await client.data_converter.decode(payloads, [SummarizationCoordinatorInputs])
        assert inputs == SummarizationCoordinatorInputs(quiet_seconds=120)
    finally:
        await handle.delete()
    with pytest.raises(InvalidInputError, match="interval_minutes"):
        await create(client, interval_minutes=0)


async def test_a_paused_schedule_stays_paused(fresh: Client) -> None:
    await create_trace_clustering_coordinator_schedule(fresh)
    await fresh.get_schedule_handle(COORDINATOR_SCHEDULE_ID).pause(note="holidays")
    assert await create_trace_clustering_coordinator_schedule(fresh, max_k=8) == "updated"
    state = (await describe(fresh)).schedule.state
    assert (state.paused, state.note) == (True, "holidays")


async def test_workers_that_start_together_create_one(fresh: Client) -> None:
    created = [create_trace_clustering_coordinator_schedule(fresh) for _ in range(5)]
    changes = await asyncio.gather(*created)
    assert sorted(changes) == ["created", *["unchanged"] * 4]


@pytest.mark.parametrize(
    "bad", [{"interval_days": 0}, {"lookback_days": 0}, {"max_samples": -1}, {"min_embeddings": 0}]
)
async def test_bad_parameters_are_named(client: Client, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(bad))):
        await create_trace_clustering_coordinator_schedule(client, **bad)


async def test_a_missed_run_is_made_up_once(tmp_path: Path) -> None:
    """Down for two ticks: after a restart exactly one of them runs."""
    every = timedelta(seconds=10)  # the shortest catch-up window that a server takes
    created = datetime.now(UTC)
    async with dev_server(tmp_path, port=0, ui_port=0) as server:
        client = await Client.connect(server.address)
        await client.create_schedule(COORDINATOR_SCHEDULE_ID, short_runs(every))
        await until(lambda: due_since(client, created))
        await all_ended(client)
    stopped = datetime.now(UTC)
    await asyncio.sleep(until_just_after_two_ticks(stopped, every).total_seconds())
    async with dev_server(tmp_path, port=0, ui_port=0) as server:
        restarted = datetime.now(UTC)
        client = await Client.connect(server.address)
        await until(lambda: due_since(client, stopped))
        due_while_down = [due for due in await due_since(client, stopped) if due < restarted]
    assert len(due_while_down) == 1
    # The first of the two was due before that.
    assert due_while_down[0] > stopped + every


def until_just_after_two_ticks(now: datetime, every: timedelta) -> timedelta:
    """So that a slow machine has all the time to the third for starting a server."""
    since_tick = timedelta(seconds=now.timestamp() % every.total_seconds())
    return 2 * every - since_tick + timedelta(milliseconds=100)


def short_runs(every: timedelta) -> Schedule:
    """Its runs end by themselves: as long as one is under way, the next is skipped."""
    made = schedules._schedule(
        COORDINATOR_WORKFLOW_NAME, CoordinatorInputs(), every, "nobody-polls-this"
    )
    assert isinstance(made.action, ScheduleActionStartWorkflow)
    made.action.run_timeout = timedelta(seconds=1)
    return made


async def due_since(client: Client, moment: datetime) -> list[datetime]:
    """When those runs were due that were started and were due since then."""
    recent = (await describe(client)).info.recent_actions
    return [action.scheduled_at for action in recent if action.scheduled_at > moment]


async def all_ended(client: Client) -> None:
    for run in (await describe(client)).info.recent_actions:
        assert isinstance(run.action, ScheduleActionExecutionStartWorkflow)
        with pytest.raises(WorkflowFailureError):
            await client.get_workflow_handle(run.action.workflow_id).result()


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 60.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.2)
