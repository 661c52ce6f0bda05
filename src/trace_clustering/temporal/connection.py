"""Connecting to Temporal, and the runtime that exposes the SDK's metrics."""

from __future__ import annotations

from pathlib import Path

from temporalio.client import Client, TLSConfig
from temporalio.runtime import (
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError

from trace_clustering.errors import ServiceError, SettingsError
from trace_clustering.settings import Settings
from trace_clustering.temporal.names import ACTIVITY_DURATION_METRIC

# Activities may take ten minutes.
_ACTIVITY_SECONDS = [0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]


def make_runtime(metrics_address: str | None) -> Runtime:
    """A runtime of the SDK; with an address (host:port) it serves its metrics there."""
    metrics = None
    if metrics_address:
        metrics = PrometheusConfig(
            bind_address=metrics_address,
            counters_total_suffix=True,
            durations_as_seconds=True,
            histogram_bucket_overrides={ACTIVITY_DURATION_METRIC: _ACTIVITY_SECONDS},
        )
    filter_ = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    logging = LoggingConfig(filter=filter_)
    return Runtime(telemetry=TelemetryConfig(logging=logging, metrics=metrics))


async def connect(settings: Settings, address: str, runtime: Runtime | None = None) -> Client:
    """Connect as the settings say, to ``address`` (host:port).

    Raises:
        ServiceError: Temporal does not answer there, or refuses.
        SettingsError: a certificate file cannot be read.
    """
    key = settings.temporal_api_key
    try:
        return await Client.connect(
            address,
            namespace=settings.temporal_namespace,
            api_key=key.get_secret_value() if key else None,
            tls=_tls(settings),
            runtime=runtime,
        )
    except (RuntimeError, ValueError, RPCError) as error:
        raise ServiceError(f"Temporal at {address}: {_short(error)}") from error


def _tls(settings: Settings) -> TLSConfig | bool:
    files = (settings.temporal_tls_ca, settings.temporal_tls_cert, settings.temporal_tls_key)
    if not any(files):
        return settings.temporal_tls or settings.temporal_api_key is not None
    return TLSConfig(
        server_root_ca_cert=_read("temporal_tls_ca", settings.temporal_tls_ca),
        client_cert=_read("temporal_tls_cert", settings.temporal_tls_cert),
        client_private_key=_read("temporal_tls_key", settings.temporal_tls_key),
    )


def _read(name: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{name}: {error}") from error


def _short(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
