"""Measures the coordinator over 300 teams on an embedded service.

    python -m benchmarks.coordinator

One JSON line: seconds, teams a second, and the sizes of the coordinator's histories.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import asdict
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.core import machine
from benchmarks.data import mixture
from benchmarks.service import embedded_service, load
from trace_clustering.constants import COORDINATOR_WORKFLOW_NAME, TASK_QUEUE
from trace_clustering.models import CoordinatorInputs

TEAMS, ROWS, COLUMNS = 300, 50, 64


async def main() -> None:
    vectors = mixture("separated", ROWS, COLUMNS, 0).astype(np.float32)
    async with embedded_service() as service:
        for team in range(1, TEAMS + 1):
            load(service.store, team, vectors)
        start = perf_counter()
        handle = await service.client.start_workflow(
            COORDINATOR_WORKFLOW_NAME,
            asdict(CoordinatorInputs()),
            id=str(uuid.uuid4()),
            task_queue=TASK_QUEUE,
        )
        output = await handle.result()
        seconds = perf_counter() - start
        histories: list[dict[str, Any]] = []
        for run_id in (handle.first_execution_run_id, None):
            one = service.client.get_workflow_handle(handle.id, run_id=run_id)
            info = (await one.describe()).raw_description.workflow_execution_info
            histories.append({"events": info.history_length, "bytes": info.history_size_bytes})
    line = {
        "case": "coordinator",
        "teams": TEAMS,
        "traces_a_team": ROWS,
        "teams_processed": output["teams_processed"],
        "teams_failed": output["teams_failed"],
        "seconds": round(seconds, 1),
        "teams_a_second": round(TEAMS / seconds, 1),
        "histories": histories,
        **machine(),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
