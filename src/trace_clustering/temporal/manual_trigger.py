"""Starting a run by hand, from Python: what ``trigger`` and ``teams`` do on the command line.

Both talk to the service that runs on the data folder, or at ``TRACE_CLUSTERING_URL``; where
none does, one is started for as long as the call takes.
"""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console

from trace_clustering.cli.client import api_client
from trace_clustering.cli.watching import run_parameters, start_and_watch
from trace_clustering.errors import ServiceError
from trace_clustering.settings_sources import load_settings


def trigger_clustering(
    team_id: int,
    lookback_days: int | None = None,
    max_samples: int | None = None,
    min_k: int | None = None,
    max_k: int | None = None,
    window_start: str | None = None,
    window_end: str | None = None,
    *,
    seed: int | None = None,
) -> dict[str, Any]:
    """Cluster one team now and wait; any team, whether or not it is on the allowlist.

    Returns:
        The workflow's output: ``clustering_run_id``, ``optimal_k``, ``clusters`` and so on.

    Raises:
        InvalidInputError: names the parameter that cannot be accepted.
        ServiceError: the run failed, or nothing could be reached or started.
    """
    parameters = run_parameters(locals())

    async def run() -> dict[str, Any]:
        async with api_client(load_settings(), needs="worker") as api:
            quiet = Console(quiet=True)
            outcome = await start_and_watch(api, quiet, team_id, parameters, wait=True)
        if outcome.failed:
            raise ServiceError(f"the run {outcome.state['status']}: {outcome.state['failure']}")
        return dict(outcome.as_json())

    return asyncio.run(run())


def find_teams_with_embeddings() -> list[dict[str, Any]]:
    """Teams with usable embeddings: id, number of traces, first and last."""

    async def find() -> list[dict[str, Any]]:
        async with api_client(load_settings()) as api:
            found: list[dict[str, Any]] = (await api.get("/api/v1/teams"))["teams"]
            return found

    return asyncio.run(find())
