"""Starts a workflow through the API and shows how it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, run_path, workflow_path
from trace_clustering.cli.run_views import run_view

POLL_SECONDS = 0.2
RUN_PARAMETERS = (
    "lookback_days",
    "max_samples",
    "min_k",
    "max_k",
    "window_start",
    "window_end",
    "seed",
)


@dataclass(frozen=True)
class Outcome:
    """How a started workflow stands, and the run it made if it is done."""

    state: Mapping[str, Any]
    detail: Mapping[str, Any] | None = None

    @property
    def failed(self) -> bool:
        return self.state["status"] not in ("running", "completed")

    def as_json(self) -> Mapping[str, Any]:
        """The workflow's result once there is one, otherwise how it stands."""
        result: Mapping[str, Any] | None = self.state.get("result")
        return result if result is not None else self.state

    def view(self) -> RenderableType:
        if self.detail is not None:
            return run_view(self.detail)
        if self.failed:
            reason = self.state.get("failure") or "no reason was given"
            return Text.assemble(f"The run {self.state['status']}: ", console.plain(reason))
        return Text(f"Started {self.state['workflow_id']}")


def run_parameters(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Of a function's arguments those that are a run's parameters and were given."""
    return {name: arguments[name] for name in RUN_PARAMETERS if arguments[name] is not None}


async def start_and_watch(
    api: ApiClient, err: Console, team_id: int, parameters: Mapping[str, Any], *, wait: bool
) -> Outcome:
    """Start a run of a team; wait for its end if asked to."""
    started = await api.post(f"/api/v1/teams/{team_id}/runs", parameters)
    if not wait:
        return Outcome({"workflow_id": started["workflow_id"], "status": "running"})
    state = await watch(api, err, started["workflow_id"])
    if state["status"] != "completed":
        return Outcome(state)
    run_id = state["result"]["clustering_run_id"]
    return Outcome(state, await api.get(run_path(run_id)))


async def watch(
    api: ApiClient, err: Console, workflow_id: str, doing: str = "clustering"
) -> Mapping[str, Any]:
    """Show which activity is under way until the workflow has ended; returns its state."""
    with err.status("Starting …") as status:
        while True:
            state: Mapping[str, Any] = await api.get(workflow_path(workflow_id))
            if state["status"] != "running":
                return state
            status.update(_under_way(state, doing))
            await asyncio.sleep(POLL_SECONDS)


def _under_way(state: Mapping[str, Any], doing: str) -> Text:
    lines = []
    for one in state["activities"]:
        line = one["activity"].removesuffix("_activity").replace("_", " ")
        if one["attempt"] > 1 and one["last_failure"]:
            reason = console.plain(one["last_failure"], 100).plain
            line += f" (attempt {one['attempt']}; before: {reason})"
        lines.append(line)
    return Text(", ".join(lines) or doing)
