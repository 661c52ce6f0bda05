"""The long-running processes: ``up``, ``worker`` and ``serve``."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Literal

from rich.console import Console

from trace_clustering.announcement import announced
from trace_clustering.bootstrap import Parts, Running, StopSignal, listening, running
from trace_clustering.errors import SettingsError
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
        await stopping.wait()
        err.print(f"Stopping ({signal.Signals(stopping.number).name}) …", highlight=False)


def _check(settings: Settings, mode: Mode) -> None:
    if mode != "worker":
        settings.check_binding()
    if mode != "up" and settings.is_temporal_embedded:
        raise SettingsError(
            f"temporal_address: `{mode}` needs a Temporal server: set "
            f"{ENV_PREFIX}TEMPORAL_ADDRESS, or run everything in one process with `up`"
        )


def _say_where(parts: Running, settings: Settings, err: Console) -> None:
    if parts.ui_address:
        err.print(f"Temporal: {parts.temporal_address}, its page: http://{parts.ui_address}")
    err.print(f"Data: {settings.data_dir}", highlight=False, soft_wrap=True, markup=False)
