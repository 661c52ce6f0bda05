"""Hand-written stand-ins for what is slow: Temporal behind its protocol, and an embedder."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trace_clustering.errors import EmbeddingError, NotFoundError, ServiceError
from trace_clustering.models import (
    ClusteringInputs,
    CoordinatorInputs,
    ScheduleName,
    WorkflowState,
)


class FakeEmbedder:
    """A vector drawn from a text's digest; remembers what it was asked for.

    A text that contains ``refuse me`` is refused.
    """

    model_name = "fake-model"
    dimensions = 8

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any("refuse me" in text for text in texts):
            raise EmbeddingError("the model is out of order")
        self.texts += texts
        rows = [self._draw(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dimensions)

    def _draw(self, text: str) -> NDArray[np.float64]:
        digest = hashlib.sha256(text.encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8])).normal(size=self.dimensions)


@dataclass
class FakeWorkflows:
    """Temporal as the application sees it: takes everything down, runs nothing.

    Attributes:
        states: of the workflows that are known.
        schedules: descriptions of those that there are, by name.
        is_away: what is asked for is refused.
        is_silent: what is asked for is never answered.
    """

    states: dict[str, WorkflowState] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[ClusteringInputs] = field(default_factory=list)
    coordinator_runs: list[CoordinatorInputs] = field(default_factory=list)
    summarizations: list[tuple[int | None, bool]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    triggered: int = 0
    is_away: bool = False
    is_silent: bool = False

    def forget(self) -> None:
        """Be as good as new."""
        vars(self).update(vars(FakeWorkflows()))

    def know(self, workflow_id: str, **changes: Any) -> WorkflowState:
        """Make a workflow known; it runs unless ``changes`` say otherwise."""
        values: dict[str, Any] = {
            "status": "running",
            "started_at": datetime(2026, 11, 20, 12, tzinfo=UTC),
            "closed_at": None,
            "activities": [],
        }
        self.states[workflow_id] = WorkflowState(workflow_id, **(values | changes))
        return self.states[workflow_id]

    async def start_run(self, inputs: ClusteringInputs) -> str:
        self.runs.append(inputs)
        workflow_id = f"trace-clustering-team-{inputs.team_id}-{len(self.runs)}"
        return self.know(workflow_id).workflow_id

    async def start_coordinator(self, inputs: CoordinatorInputs) -> str:
        self.coordinator_runs.append(inputs)
        return self.know(f"coordinator-{len(self.coordinator_runs)}").workflow_id

    async def start_summarization(self, team_id: int | None, *, now: bool) -> str:
        self.summarizations.append((team_id, now))
        whose = "manual" if team_id is None else f"team-{team_id}"
        workflow_id = f"trace-summarization-{whose}-{len(self.summarizations)}"
        return self.know(workflow_id).workflow_id

    async def state(self, workflow_id: str, run_id: str | None = None) -> WorkflowState:
        await self._answer()
        if workflow_id not in self.states:
            raise NotFoundError(f"no workflow {workflow_id!r}")
        return self.states[workflow_id]

    async def cancel(self, workflow_id: str) -> None:
        await self.state(workflow_id)
        self.cancelled.append(workflow_id)

    async def ensure_schedule(self, which: ScheduleName = "clustering") -> str:
        change = "unchanged" if which in self.schedules else "created"
        made = {"id": f"{which} schedule", "paused": False, "note": ""}
        self.schedules.setdefault(which, made)
        return change

    async def describe_schedule(self, which: ScheduleName = "clustering") -> dict[str, Any]:
        await self._answer()
        if which not in self.schedules:
            raise NotFoundError("there is no schedule")
        return self.schedules[which]

    async def pause_schedule(
        self, note: str | None = None, which: ScheduleName = "clustering"
    ) -> None:
        await self._change(which, paused=True, note=note or "")

    async def resume_schedule(self, which: ScheduleName = "clustering") -> None:
        await self._change(which, paused=False, note="")

    async def trigger_schedule(self, which: ScheduleName = "clustering") -> None:
        await self._change(which)
        self.triggered += 1

    async def delete_schedule(self, which: ScheduleName = "clustering") -> None:
        await self.describe_schedule(which)
        del self.schedules[which]

    async def _answer(self) -> None:
        if self.is_silent:
            await asyncio.Event().wait()
        if self.is_away:
            raise ServiceError("Temporal: connection refused")

    async def _change(self, which: ScheduleName, **changes: Any) -> None:
        self.schedules[which] = {**await self.describe_schedule(which), **changes}
