"""Structured logs: one line an event, with run, team and activity wherever they are known."""

from __future__ import annotations

import logging
import sys

import structlog

from trace_clustering.settings import Settings

# Our own lines say more than these libraries' at info.
_QUIET = (
    "httpx",
    "httpx2",
    "httpcore",
    "clickhouse_connect",
    "uvicorn",
    "temporalio.worker",
    "temporalio.activity",
)
# What Temporal's own lines carry in one field, under the names that ours have.
_LIFTED = {
    "workflow_id": "workflow_id",
    "run_id": "workflow_run_id",
    "activity_type": "activity",
    "attempt": "attempt",
}
_DROPPED = ("taskName", "color_message", "__temporal_error_identifier")


def get_logger() -> structlog.stdlib.BoundLogger:
    """This package's logger. Where nobody configured one, lines go to the standard library's."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.render_to_log_kwargs,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("trace_clustering")
    return logger


def configure_logging(settings: Settings) -> None:
    """Send every log line of this process to standard error, structured.

    Lines of the standard library's loggers (Temporal's, uvicorn's) take the same form.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        _tidy,
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(settings.log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _renderer(log_format: str) -> structlog.typing.Processor:
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer()


def _tidy(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    for name in ("temporal_workflow", "temporal_activity"):
        details = event.pop(name, None) or {}
        for theirs, ours in _LIFTED.items():
            if theirs in details:
                event.setdefault(ours, details[theirs])
    for name in _DROPPED:
        event.pop(name, None)
    return event
