"""The demo: made-up traces of four teams, through everything a team's own would go through."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, run_path
from trace_clustering.cli.upload import batches, progress_bar
from trace_clustering.cli.watching import watch
from trace_clustering.errors import ServiceError
from trace_clustering.traces.demo import DEMO_TEAMS, DemoTeam, demo_trace_lines


async def run_demo(api: ApiClient, out: Console, err: Console) -> None:
    """Make traces that end now, load them, let the coordinator cluster every team, show it.

    Raises:
        ServiceError: the coordinator failed, or a team's run did.
    """
    began = time.monotonic()
    # Within an hour the demo makes the same traces again, which changes nothing.
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    loaded = await _load(api, err, end)
    result = await _cluster(api, err)
    views = [await _team_view(api, team) for team in DEMO_TEAMS]
    out.print(Group(*views))
    out.print(_summary(loaded, result, time.monotonic() - began), highlight=False)
    if result["teams_failed"]:
        raise ServiceError(f"teams failed: {json.dumps(result['failed'])}")


async def _load(api: ApiClient, err: Console, end: datetime) -> int:
    loaded = 0
    with progress_bar(err) as progress:
        for team in DEMO_TEAMS:
            lines = [_line(trace) for trace in demo_trace_lines(team, end)]
            task = progress.add_task(team.name, total=sum(map(len, lines)))
            for batch in batches(iter(lines)):
                report = await api.ingest(team.team_id, batch.content, batch.first_line)
                loaded += report["received"]
                progress.advance(task, len(batch.content))
    return loaded


async def _cluster(api: ApiClient, err: Console) -> Mapping[str, Any]:
    # One embedding is enough to be looked at, so that the small team's skip is seen.
    body = {"allowed_team_ids": [team.team_id for team in DEMO_TEAMS], "min_embeddings": 1}
    started = await api.post("/api/v1/coordinator/runs", body)
    state = await watch(api, err, started["workflow_id"])
    if state["status"] != "completed":
        raise ServiceError(f"the coordinator {state['status']}: {state['failure']}")
    result: Mapping[str, Any] = state["result"]
    return result


async def _team_view(api: ApiClient, team: DemoTeam) -> Group:
    runs: Sequence[Mapping[str, Any]] = (
        await api.get(f"/api/v1/teams/{team.team_id}/runs", limit=1)
    )["runs"]
    detail = await api.get(run_path(runs[0]["run_id"]))
    title = f"Team {team.team_id} · {team.name} · {team.description}"
    view = console.run_view(detail, title=title)
    return Group(view, Text(f"Run {runs[0]['run_id']}", style="dim"), "")


def _line(trace: Mapping[str, object]) -> bytes:
    return json.dumps(trace, ensure_ascii=False).encode() + b"\n"


def _summary(loaded: int, result: Mapping[str, Any], seconds: float) -> Text:
    return Text(
        f"{loaded:,} traces; {result['teams_processed']} teams clustered into "
        f"{result['clusters_created']} clusters, {result['teams_skipped']} skipped, "
        f"{result['teams_failed']} failed; {seconds:.0f} s in all.\n"
        "The data stays: `trace-clustering up` serves it, "
        "`trace-clustering show RUN` shows a run again."
    )
