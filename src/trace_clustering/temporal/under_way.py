"""Around every activity's work: what is logged, that it is alive, and how long it took."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from temporalio import activity
from temporalio.exceptions import CancelledError

from trace_clustering.constants import HEARTBEAT_TIMEOUT
from trace_clustering.observability import get_logger
from trace_clustering.store import labelled
from trace_clustering.temporal.names import ACTIVITY_DURATION_METRIC

log = get_logger()

_BEAT_SECONDS = HEARTBEAT_TIMEOUT.total_seconds() / 4


@contextmanager
def under_way(team_id: int | None = None, run_id: str | None = None) -> Iterator[None]:
    """Around an activity's work: log context, heartbeats, and how long it took."""
    info = activity.info()
    context = {"team_id": team_id, "run_id": run_id, "activity": info.activity_type}
    known = {name: value for name, value in context.items() if value is not None}
    started = time.monotonic()
    comment = " ".join(str(value) for value in known.values())
    with structlog.contextvars.bound_contextvars(**known), labelled(comment), _heartbeats():
        check_cancelled()
        try:
            yield
        except Exception as error:
            log.warning("Activity failed", error=str(error), error_type=type(error).__name__)
            raise
    activity.metric_meter().create_histogram_float(
        ACTIVITY_DURATION_METRIC, "Duration of activities that succeeded.", "s"
    ).record(time.monotonic() - started, {"activity": info.activity_type})


@contextmanager
def _heartbeats() -> Iterator[None]:
    """Say that the activity is alive while its thread is busy in the engine or in BLAS."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT_SECONDS):
            activity.heartbeat()

    activity.heartbeat()
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(beat,), daemon=True, name="heartbeat"
    )
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def check_cancelled() -> None:
    """Raises CancelledError if the activity is to end."""
    if activity.is_cancelled():
        raise CancelledError("the activity was cancelled")
