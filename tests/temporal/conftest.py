"""A real Temporal for the tests: the development server, one a process, a queue for each test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.temporal.support import Cluster
from trace_clustering.store import Store
from trace_clustering.temporal.dev_server import find_temporal


@pytest.fixture(scope="session")
async def client(anyio_backend: str) -> AsyncIterator[Client]:
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=find_temporal(),
        dev_server_extra_args=[
            "--dynamic-config-value",
            "frontend.enableServerVersionCheck=false",
        ],
        dev_server_startup_timeout=timedelta(minutes=1),
    )
    async with environment:
        yield environment.client


@pytest.fixture
def cluster(client: Client, store: Store) -> Cluster:
    """Temporal and a store, and a task queue that no other test polls."""
    return Cluster(client, store, f"queue-{uuid.uuid4()}")


@pytest.fixture
def alone(cluster: Cluster, fresh_store: Store) -> Cluster:
    """With a database of its own, for what looks across all teams."""
    return replace(cluster, store=fresh_store)
