"""The one place where settings become a store, a Temporal client and a service."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from trace_clustering.errors import ServiceError, SettingsError
from trace_clustering.models import CoordinatorInputs
from trace_clustering.observability import get_logger
from trace_clustering.providers import build_embedder, build_namer, build_summarizer
from trace_clustering.settings import ENV_PREFIX, Settings
from trace_clustering.settings_sources import describe_settings
from trace_clustering.store import Store
from trace_clustering.summarization import Summarization
from trace_clustering.temporal.connection import connect, make_runtime
from trace_clustering.temporal.dev_server import dev_server
from trace_clustering.temporal.gateway import ScheduleOptions, TemporalGateway
from trace_clustering.web.app import create_app
from trace_clustering.web.services import Services

log = get_logger()

LOOPBACK = "127.0.0.1"
_PORT_TRIES = 5


@dataclass(frozen=True)
class Parts:
    """Which parts this process runs.

    Attributes:
        temporal: connect to Temporal, or start the embedded one.
        worker: run workflows and activities.
        schedule: create the coordinator's schedule, or bring it up to date.
    """

    temporal: bool = True
    worker: bool = True
    schedule: bool = True


@dataclass(frozen=True)
class TemporalPlace:
    """Where Temporal is; the rest is of an embedded one alone.

    Attributes:
        address: host:port.
        ui_address: of its own page, host:port.
        wait: returns when the server has ended.
    """

    address: str
    ui_address: str | None = None
    wait: Callable[[], Awaitable[int]] | None = None


@dataclass(frozen=True)
class Running:
    """A set-up that is running.

    Attributes:
        temporal: where Temporal is, where this process uses it.
    """

    app: FastAPI
    services: Services
    temporal: TemporalPlace | None = None


@asynccontextmanager
async def running(
    settings: Settings, parts: Parts, *, overrides: Mapping[str, Any] | None = None
) -> AsyncIterator[Running]:
    """Put the parts together for as long as the context lasts.

    Raises:
        StoreLockedError: another process has the data folder open.
        StoreError: ClickHouse cannot be reached.
        ServiceError: Temporal cannot be reached or started.
        SettingsError: settings contradict each other.
    """
    _make_data_dir(settings)
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(
            Store.open, settings.store_dsn, retention_days=settings.retention_days
        )
        stack.callback(store.close)
        summarization = _summarization(store, settings)
        gateway, metrics, place = None, None, None
        if parts.temporal:
            place = await _temporal(stack, settings)
            runtime, metrics = metered_runtime()
            client = await connect(settings, place.address, runtime)
            gateway = TemporalGateway(client, schedule_options(settings))
            if parts.worker:
                await stack.enter_async_context(_worker(client, summarization, settings))
            if parts.schedule:
                log.info("Schedule", change=await gateway.ensure_schedule())
                change = await gateway.ensure_schedule("summarization")
                log.info("Schedule of the summarization", change=change)
        services = Services(
            settings=settings,
            store=store,
            summarization=summarization,
            workflows=gateway,
            sdk_metrics=_sdk_metrics(metrics),
            describe_settings=lambda: describe_settings(settings, overrides),
            temporal_ui=_temporal_ui(settings, place),
        )
        yield Running(create_app(services), services, place)


def _temporal_ui(settings: Settings, place: TemporalPlace | None) -> str | None:
    if settings.temporal_ui_url is not None:
        return settings.temporal_ui_url.rstrip("/")
    return f"http://{place.ui_address}" if place and place.ui_address else None


def _make_data_dir(settings: Settings) -> None:
    try:
        # Conversations of other people lie in it, and perhaps a token in its config file.
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"data_dir: {settings.data_dir}: {error.strerror}") from error


def schedule_options(settings: Settings) -> ScheduleOptions:
    """What the coordinator's schedule should be like."""
    inputs = CoordinatorInputs(
        lookback_days=settings.lookback_days,
        max_samples=settings.max_samples,
        min_k=settings.min_k,
        max_k=settings.max_k,
        min_embeddings=settings.min_embeddings,
        max_concurrent_teams=settings.max_concurrent_teams,
        allowed_team_ids=settings.allowed_team_ids,
        seed=settings.seed,
    )
    return ScheduleOptions(
        settings.interval_days,
        inputs,
        summary_interval_minutes=settings.summary_interval_minutes,
        summary_quiet_minutes=settings.summary_quiet_minutes,
    )


def _summarization(store: Store, settings: Settings) -> Summarization:
    summarizer = build_summarizer(settings)
    # With a model that takes its time, what is done is kept every few traces.
    at_once = 2 * settings.llm_concurrency if summarizer else 100
    return Summarization(store, build_embedder(settings), summarizer, at_once)


@asynccontextmanager
async def listening(app: FastAPI, settings: Settings) -> AsyncIterator[str]:
    """Serve the application over HTTP for as long as the context lasts; yields its URL.

    Raises:
        ServiceError: the address cannot be bound to.
        SettingsError: it is reachable from other machines and no token is set.
    """
    settings.check_binding()
    bound = _bind(settings.host, settings.port)
    config = uvicorn.Config(app, log_config=None, lifespan="off", access_log=False)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        while not server.started:
            if task.done():
                raise ServiceError("the HTTP service ended while it started")
            await asyncio.sleep(0.01)
        host, port = bound.getsockname()[:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        server.should_exit = True
        await task
        bound.close()


class StopSignal:
    """SIGINT or SIGTERM, noticed from construction on; ``number`` is the one that came."""

    def __init__(self) -> None:
        self.number = 0
        self._event = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._notice, number)

    async def wait(self) -> None:
        await self._event.wait()

    def _notice(self, number: int) -> None:
        self.number = number
        self._event.set()


class _Server(uvicorn.Server):
    """Signals are handled by who runs the server: worker, store and child end in order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _temporal(stack: AsyncExitStack, settings: Settings) -> TemporalPlace:
    if settings.temporal_address is not None:
        return TemporalPlace(settings.temporal_address)
    if not settings.is_store_embedded:
        raise SettingsError(
            f"temporal_address: a ClickHouse server is set, so a Temporal server is needed "
            f"too: set {ENV_PREFIX}TEMPORAL_ADDRESS"
        )
    server = await stack.enter_async_context(
        dev_server(
            settings.data_dir,
            port=settings.temporal_port,
            ui_port=settings.temporal_ui_port,
            namespace=settings.temporal_namespace,
        )
    )
    return TemporalPlace(server.address, server.ui_address, server.wait)


@asynccontextmanager
async def _worker(
    client: Client, summarization: Summarization, settings: Settings
) -> AsyncIterator[None]:
    # scikit-learn and SciPy take a second or two to import, and only a worker needs them.
    from trace_clustering.temporal.activities import ClusteringActivities
    from trace_clustering.temporal.part_activities import PartActivities
    from trace_clustering.temporal.summarization_activities import SummarizationActivities
    from trace_clustering.temporal.worker import build_worker

    clustering = ClusteringActivities(
        summarization.store,
        min_traces=settings.min_traces,
        seed=settings.seed,
        rendering=settings.rendering,
    )
    parts = PartActivities(summarization.store, build_namer(settings))
    worker = build_worker(
        client,
        [*clustering.all, *parts.all, *SummarizationActivities(summarization).all],
        max_concurrent_activities=settings.max_concurrent_activities,
    )
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(worker)
        except (RuntimeError, RPCError) as error:
            raise ServiceError(f"Temporal refuses the worker: {error}") from error
        yield


def _sdk_metrics(address: str | None) -> Callable[[], Any]:
    async def read() -> bytes:
        if address is None:
            return b""
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"http://{address}/metrics")).content
            except httpx.HTTPError as error:
                return f"# the Temporal SDK's metrics do not answer: {error}\n".encode()

    return read


def loopback_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def metered_runtime(free_port: Callable[[], int] = loopback_port) -> tuple[Runtime, str]:
    """A runtime of the SDK, and where it serves its metrics: on a free port of this machine.

    Raises:
        ServiceError: no port was free for long enough.
    """
    problem: ValueError | None = None
    for _ in range(_PORT_TRIES):
        address = f"{LOOPBACK}:{free_port()}"
        try:
            return make_runtime(address), address
        except ValueError as error:
            # Another process may take a port between its being found free and its being used.
            problem = error
    raise ServiceError(f"the Temporal SDK cannot serve its metrics: {problem}") from problem


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, proto)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        raise ServiceError(
            f"port: cannot bind to {host}:{port} ({error.strerror}); choose another with --port"
        ) from error
    return bound
