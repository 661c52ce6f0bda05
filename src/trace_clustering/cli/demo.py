"""The demo: made-up traces of four teams, through everything a team's own would go through."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from trace_clustering.cli import console
from trace_clustering.cli.client import ApiClient, run_path
from trace_clustering.cli.run_views import run_view
from trace_clustering.cli.summaries import summarize_pending
from trace_clustering.cli.upload import batches, progress_bar
from trace_clustering.cli.watching import watch
from trace_clustering.errors import ServiceError
from trace_clustering.traces.demo import DEMO_TEAMS, DemoTeam, demo_trace_lines


@dataclass(frozen=True)
class DemoResult:
    """What the demo did: the coordinator's output, and each team's run."""

    traces: int
    seconds: float
    coordinator: Mapping[str, Any]
    runs: list[Mapping[str, Any]]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def view(self) -> Group:
        teams = [_team_view(*pair) for pair in zip(DEMO_TEAMS, self.runs, strict=True)]
        return Group(*teams, self._summary())

    def _summary(self) -> Text:
        done = self.coordinator
        return Text(
            f"{console.counted(self.traces, 'trace')}; "
            f"{console.counted(done['teams_processed'], 'team')} clustered into "
            f"{console.counted(done['clusters_created'], 'cluster')}, "
            f"{done['teams_skipped']} skipped, {done['teams_failed']} failed; "
            f"{self.seconds:.0f} s in all.\n"
            "The data stays: `trace-clustering up` serves it, "
            "`trace-clustering show RUN` shows a run again."
        )


async def run_demo(api: ApiClient, err: Console) -> DemoResult:
    """Make traces that end now, load them, let the coordinator cluster every team.

    Raises:
        ServiceError: the coordinator failed, or a team's run did.
    """
    began = time.monotonic()
    # Within an hour the demo makes the same traces again, which changes nothing.
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    err.print("Making three weeks of traces for four teams, and loading them:")
    traces = await _load(api, err, end)
    err.print("Summarizing and embedding them:")
    for team in DEMO_TEAMS:
        await _summarize(api, err, team)
    err.print("Clustering every team:")
    coordinator = await _cluster(api, err)
    runs = [await _latest_run(api, team) for team in DEMO_TEAMS]
    if coordinator["teams_failed"]:
        raise ServiceError(f"teams failed: {json.dumps(coordinator['failed'])}")
    return DemoResult(traces, round(time.monotonic() - began, 1), coordinator, runs)


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


async def _summarize(api: ApiClient, err: Console, team: DemoTeam) -> None:
    done = await summarize_pending(api, err, team.team_id, team.name)
    if done.failed:
        raise ServiceError(f"{team.name}: {console.counted(done.failed, 'trace')} failed")


async def _cluster(api: ApiClient, err: Console) -> Mapping[str, Any]:
    # One embedding is enough to be looked at, so that the small team's skip is seen.
    body = {"allowed_team_ids": [team.team_id for team in DEMO_TEAMS], "min_embeddings": 1}
    started = await api.post("/api/v1/coordinator/runs", body)
    state = await watch(api, err, started["workflow_id"])
    if state["status"] != "completed":
        raise ServiceError(f"the coordinator {state['status']}: {state['failure']}")
    result: Mapping[str, Any] = state["result"]
    return result


async def _latest_run(api: ApiClient, team: DemoTeam) -> Mapping[str, Any]:
    runs = (await api.get(f"/api/v1/teams/{team.team_id}/runs", limit=1))["runs"]
    detail: Mapping[str, Any] = await api.get(run_path(runs[0]["run_id"]))
    return detail


def _team_view(team: DemoTeam, detail: Mapping[str, Any]) -> Group:
    title = f"Team {team.team_id} · {team.name} · {team.description}"
    view = run_view(detail, title=title)
    return Group(view, Text(f"Run {detail['run']['run_id']}", style="dim"), "")


def _line(trace: Mapping[str, object]) -> bytes:
    return json.dumps(trace, ensure_ascii=False).encode() + b"\n"
