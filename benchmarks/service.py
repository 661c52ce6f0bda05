"""A running embedded service for benchmarks: store, Temporal and worker in this process."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from temporalio.client import Client

from trace_clustering.bootstrap import Parts, running
from trace_clustering.models import TraceDocument
from trace_clustering.settings import Settings
from trace_clustering.store import Store


@dataclass(frozen=True)
class Service:
    client: Client
    store: Store


@asynccontextmanager
async def embedded_service() -> AsyncIterator[Service]:
    """Run everything that ``up`` runs, but for HTTP, in a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), temporal_port=0, temporal_ui_port=0)
        async with running(settings, Parts(schedule=False)) as service:
            assert service.temporal is not None
            client = await Client.connect(service.temporal.address)
            yield Service(client, service.services.store)


def load(store: Store, team_id: int, vectors: NDArray[np.float32]) -> None:
    """Store vectors as traces of the last hours."""
    last = datetime.now(UTC) - timedelta(minutes=1)
    documents = [
        TraceDocument(
            f"trace-{i:07d}", last - timedelta(seconds=i), "llma_trace_minimal", f"text {i}", "{}"
        )
        for i in range(len(vectors))
    ]
    store.embeddings.insert(team_id, documents, vectors, "benchmark")
