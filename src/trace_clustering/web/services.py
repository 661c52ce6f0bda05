"""What the HTTP application is given. Protocols, so that this room knows no Temporal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from trace_clustering.errors import ServiceError
from trace_clustering.models import (
    ClusteringInputs,
    CoordinatorInputs,
    ScheduleName,
    WorkflowState,
)
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.summarization import Summarization


class Workflows(Protocol):
    """Temporal, as far as the application uses it."""

    async def start_run(self, inputs: ClusteringInputs) -> str: ...
    async def start_coordinator(self, inputs: CoordinatorInputs) -> str: ...
    async def start_summarization(self, team_id: int | None, *, now: bool) -> str: ...
    async def state(self, workflow_id: str, run_id: str | None = None) -> WorkflowState: ...
    async def cancel(self, workflow_id: str) -> None: ...
    async def ensure_schedule(self, which: ScheduleName = "clustering") -> str: ...
    async def describe_schedule(self, which: ScheduleName = "clustering") -> dict[str, Any]: ...
    async def pause_schedule(
        self, note: str | None = None, which: ScheduleName = "clustering"
    ) -> None: ...
    async def resume_schedule(self, which: ScheduleName = "clustering") -> None: ...
    async def trigger_schedule(self, which: ScheduleName = "clustering") -> None: ...
    async def delete_schedule(self, which: ScheduleName = "clustering") -> None: ...


@dataclass(frozen=True)
class Services:
    """Everything that the application works with.

    Attributes:
        workflows: None where the application only reads the store.
        sdk_metrics: the Temporal SDK's own metrics, Prometheus text.
        describe_settings: every setting with its source, secrets masked.
        temporal_ui: where Temporal's own page is, for links to it; None where that is not known.
    """

    settings: Settings
    store: Store
    summarization: Summarization
    workflows: Workflows | None
    sdk_metrics: Callable[[], Awaitable[bytes]]
    describe_settings: Callable[[], list[dict[str, Any]]]
    temporal_ui: str | None = None

    def require_workflows(self) -> Workflows:
        """Temporal.

        Raises:
            ServiceError: this application was started without it.
        """
        if self.workflows is None:
            raise ServiceError("Temporal is not running here")
        return self.workflows
