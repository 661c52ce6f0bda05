"""The long-running processes: ``up``, ``worker`` and ``serve``."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Literal

from rich.console import Console

from trace_clustering.announcement import announced
from trace_clustering.bootstrap import Parts, Running, StopSignal, listening, running
from trace_clustering.errors import ServiceError, SettingsError
from trace_clustering.settings import ENV_PREFIX, Settings

Mode = Literal["up", "worker", "serve"]

_PARTS = {
    "up": Parts(),
    "worker": Parts(),
    "serve": Parts(worker=False, schedule=False),
}


async def run_service(
    settings: Settings, mode: Mode, err: Console, overrides: Mapping[str, Any]
) -> None:
    """Run until SIGINT or SIGTERM; everything that was started is ended.

    Raises:
        SettingsError: the settings do not fit this kind of process.
        StoreError, ServiceError: something could not be started.
    """
    _check(settings, mode)
    stopping = StopSignal()
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(
            running(settings, _PARTS[mode], overrides=overrides)
        )
        where = ""
        port = settings.metrics_port if mode == "worker" else settings.port
        if port is not None:
            http = settings.model_copy(update={"port": port})
            url = await stack.enter_async_context(listening(parts.app, http))
            where = f" at {url}"
            if mode != "worker":
                stack.enter_context(announced(settings.data_dir, url))
        err.print(f"trace-clustering {mode} is ready{where}", highlight=False)
        _say_where(parts, settings, err)
        await _until_stopped(stopping, parts, settings)
        err.print(f"Stopping ({signal.Signals(stopping.number).name}) …", highlight=False)


async def _until_stopped(stopping: StopSignal, parts: Running, settings: Settings) -> None:
    """Wait for a signal; an embedded Temporal that ends before is an error to end on."""
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(stopping.wait())]
    if parts.temporal is not None and parts.temporal.wait is not None:
        waiting.append(asyncio.ensure_future(parts.temporal.wait()))
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if not stopping.number:
        log = settings.data_dir / "temporal.log"
        raise ServiceError(f"the embedded Temporal ended by itself; see {log}")


def _check(settings: Settings, mode: Mode) -> None:
    if mode != "worker":
        settings.check_binding()
    if mode != "up" and settings.is_store_embedded:
        raise SettingsError(
            f"clickhouse_url: `{mode}` needs a ClickHouse server: set "
            f"{ENV_PREFIX}CLICKHOUSE_URL, or run everything in one process with `up`"
        )
    if mode != "up" and settings.is_temporal_embedded:
        raise SettingsError(
            f"temporal_address: `{mode}` needs a Temporal server: set "
            f"{ENV_PREFIX}TEMPORAL_ADDRESS, or run everything in one process with `up`"
        )


def _say_where(parts: Running, settings: Settings, err: Console) -> None:
    place = parts.temporal
    if place is not None and place.ui_address is not None:
        err.print(f"Temporal: {place.address}, its page: http://{place.ui_address}")
    err.print(f"Data: {settings.data_dir}", highlight=False, soft_wrap=True, markup=False)
