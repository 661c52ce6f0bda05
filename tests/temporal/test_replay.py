"""Histories recorded earlier replay on today's workflows."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.temporal.record_histories import FOLDER
from trace_clustering.constants import (
    COORDINATOR_WORKFLOW_NAME,
    SUMMARIZATION_COORDINATOR_NAME,
    SUMMARIZATION_WORKFLOW_NAME,
    WORKFLOW_NAME,
)
from trace_clustering.temporal.worker import WORKFLOWS, workflow_runner

pytestmark = pytest.mark.anyio

HISTORIES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", HISTORIES, ids=[path.stem for path in HISTORIES])
async def test_a_recorded_history_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(path.stem, path.read_text())
    await Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner()).replay_workflow(history)


def test_every_workflow_is_recorded() -> None:
    recorded = {
        WorkflowHistory.from_json(path.stem, path.read_text())
        .events[0]
        .workflow_execution_started_event_attributes.workflow_type.name
        for path in HISTORIES
    }
    assert recorded == {
        WORKFLOW_NAME,
        COORDINATOR_WORKFLOW_NAME,
        SUMMARIZATION_WORKFLOW_NAME,
        SUMMARIZATION_COORDINATOR_NAME,
    }


async def test_a_changed_workflow_is_noticed() -> None:
    """The replay would fail if the order of activities changed."""
    text = (FOLDER / "completed.json").read_text()
    changed = text.replace("sample_embeddings_activity", "determine_optimal_k_activity")
    history = WorkflowHistory.from_json("changed", changed)
    with pytest.raises(Exception, match=r"[Nn]ondeterminism"):
        await Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner()).replay_workflow(
            history
        )
