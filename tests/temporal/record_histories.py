"""Records histories of the workflows for the replay tests.

``python -m tests.temporal.record_histories`` writes them anew into ``histories/``; with names
behind it, only those. Do so only when a workflow changed in a way that running workflows cannot
follow; otherwise the point of the old histories is that the new code replays them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from tests.temporal.support import Cluster, load, mixture
from tests.trace_events import generation
from trace_clustering.constants import (
    COORDINATOR_WORKFLOW_NAME,
    SUMMARIZATION_COORDINATOR_NAME,
    SUMMARIZATION_WORKFLOW_NAME,
)
from trace_clustering.models import CoordinatorInputs
from trace_clustering.models.summarization import (
    SummarizationCoordinatorInputs,
    SummarizationInputs,
)
from trace_clustering.store import Store
from trace_clustering.temporal.dev_server import find_temporal

FOLDER = Path(__file__).parent / "histories"


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(f"chdb://{folder}/clickhouse", retention_days=92)
        environment = await WorkflowEnvironment.start_local(
            dev_server_existing_path=find_temporal()
        )
        async with environment:
            await record(Cluster(environment.client, store, "recording"))
        store.close()


async def record(cluster: Cluster) -> None:
    load(cluster.store, 1, mixture(100))
    load(cluster.store, 2, mixture(5))
    load(cluster.store, 3, np.ones((30, 4), dtype=np.float32))
    cluster.store.events.insert(4, [generation(f"trace-{i}") for i in range(3)])
    cluster.store.events.insert(5, [generation("trace")])
    recordings: dict[str, tuple[Any, ...]] = {
        # "completed" was recorded before runs had parts.
        "completed_with_parts": (["1"],),
        "skipped_too_few": ({"team_id": 2},),
        "skipped_degenerate": ({"team_id": 3},),
        "refused": ({"team_id": 1, "min_k": 1},),
        "coordinator": (CoordinatorInputs(min_embeddings=1), COORDINATOR_WORKFLOW_NAME),
        "summarization": (SummarizationInputs(4, quiet_seconds=0), SUMMARIZATION_WORKFLOW_NAME),
        "summarization_coordinator": (
            SummarizationCoordinatorInputs(quiet_seconds=0),
            SUMMARIZATION_COORDINATOR_NAME,
        ),
    }
    async with cluster.worker():
        for name in sys.argv[1:] or recordings:
            arguments = recordings[name]
            handle = await cluster.start(*arguments)
            await ended(handle)
            history = await handle.fetch_history()
            content = without_traces(json.loads(history.to_json()))
            (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def without_traces(value: Any) -> Any:
    """A history without stack traces, which name files of the machine it was recorded on."""
    if isinstance(value, dict):
        return {k: without_traces(v) for k, v in value.items() if k != "stackTrace"}
    return [without_traces(one) for one in value] if isinstance(value, list) else value


async def ended(handle: WorkflowHandle[Any, Any]) -> None:
    try:
        await handle.result()
    except WorkflowFailureError as error:
        print(f"{handle.id}: {error.cause}")


if __name__ == "__main__":
    asyncio.run(main())
