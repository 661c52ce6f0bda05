"""Measures how long the pages of a run take to be made.

    python -m benchmarks.pages

One JSON line a page: milliseconds from request to the last byte of HTML, medians of ``ROUNDS``,
through the whole application with its store and Temporal. The run has 2,000 of the demo's traces
and 20 clusters. ``first`` is the first request for the page, which reads the run's event.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx
import orjson

from benchmarks.core import machine
from trace_clustering.bootstrap import Parts, running
from trace_clustering.settings import Settings
from trace_clustering.traces.demo import DEMO_TEAMS, demo_trace_lines
from trace_clustering.web import urls

TEAM, TRACES, CLUSTERS, ROUNDS = 1, 2_000, 20, 25
_OF_SUMMARIES = 500


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), temporal_port=0, temporal_ui_port=0)
        async with (
            running(settings, Parts(schedule=False)) as service,
            httpx.AsyncClient(
                transport=httpx.ASGITransport(service.app),
                base_url="http://127.0.0.1",
                timeout=120,
            ) as client,
        ):
            await fill(client)
            earlier, run = [await cluster(client, seed) for seed in (1, 2)]
            for name, address in pages(earlier, run).items():
                await measure(client, name, address)


def pages(earlier: str, run: str) -> dict[str, str]:
    return {
        "run": urls.run(run),
        "run as a treemap": urls.run(run, view="treemap"),
        "run by finer groups": urls.run(run, level=1),
        "two runs": urls.compare(run, earlier),
        "cluster": urls.group(run, 0),
        "report": urls.api_report(run),
    }


async def fill(client: httpx.AsyncClient) -> None:
    """Every demo team's traces, as those of one."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for team in DEMO_TEAMS:
        lines = b"\n".join(orjson.dumps(trace) for trace in demo_trace_lines(team, end))
        await _post(client, f"/api/v1/teams/{TEAM}/traces", content=lines)
    while True:
        summaries = f"/api/v1/teams/{TEAM}/summaries"
        done = await _post(client, summaries, params={"limit": _OF_SUMMARIES})
        if not done["remaining"]:
            return


async def cluster(client: httpx.AsyncClient, seed: int) -> str:
    """Cluster the team's traces; the run's id."""
    body = {
        "lookback_days": 30,
        "max_samples": TRACES,
        "min_k": CLUSTERS,
        "max_k": CLUSTERS,
        "seed": seed,
    }
    started = await _post(client, f"/api/v1/teams/{TEAM}/runs", json=body)
    while True:
        state = (await client.get(f"/api/v1/workflows/{started['workflow_id']}")).json()
        if state["status"] != "running":
            assert state["result"]["optimal_k"] == CLUSTERS, state
            return str(state["result"]["clustering_run_id"])
        await asyncio.sleep(0.2)


async def measure(client: httpx.AsyncClient, name: str, address: str) -> None:
    """Print the line of a page; its first answer is not counted."""
    seconds, size = [], 0
    for _ in range(ROUNDS + 1):
        start = perf_counter()
        answer = await client.get(address)
        seconds.append(perf_counter() - start)
        assert answer.status_code == 200, answer.text
        size = len(answer.content)
    line = {
        "case": f"page: {name}",
        "rows": TRACES,
        "clusters": CLUSTERS,
        "milliseconds": round(median(seconds[1:]) * 1000, 1),
        "most": round(max(seconds[1:]) * 1000, 1),
        "first": round(seconds[0] * 1000, 1),
        "kilobytes": round(size / 1024),
        **machine(),
    }
    print(json.dumps(line), flush=True)


async def _post(client: httpx.AsyncClient, path: str, **options: Any) -> Any:
    return (await client.post(path, **options)).raise_for_status().json()


if __name__ == "__main__":
    asyncio.run(main())
