"""Traces of a file, and how they are sent: as the script under ``examples`` does it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from examples.send_traces import otlp_spans, posthog_events

from tests.clients.support import Service
from trace_clustering.traces.demo import DEMO_TEAMS, demo_trace_lines

Json = dict[str, Any]

KINDS = ("posthog", "otlp")


def some_traces(count: int) -> list[Json]:
    """Traces of the demo's airline, the most recent ones, with tools, errors and users."""
    return [dict(line) for line in demo_trace_lines(DEMO_TEAMS[0], datetime.now(UTC))][-count:]


def write(file: Path, traces: Iterable[Json]) -> Path:
    file.write_text("".join(f"{json.dumps(trace)}\n" for trace in traces), encoding="utf-8")
    return file


def parts(kind: str, trace: Json) -> list[Json]:
    """The events or spans of a trace."""
    return posthog_events(trace) if kind == "posthog" else otlp_spans(trace)


def send_parts(service: Service, kind: str, key: str, given: list[Json]) -> None:
    """Send events or spans in one request; raises where they are not taken."""
    if kind == "posthog":
        path, body = "/batch/", {"batch": given}
    else:
        path, body = "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": given}]}]}
    _post(service, path, headers={"Authorization": f"Bearer {key}"}, json=body)


def send_line(service: Service, team_id: int, trace: Json) -> None:
    """Send a trace as the command line does; raises where it is not taken."""
    _post(service, f"/api/v1/teams/{team_id}/traces", content=json.dumps(trace))


def _post(service: Service, path: str, **given: Any) -> None:
    answer = service.http.post(path, **given)
    assert answer.is_success, (answer.status_code, answer.text)
    assert not (set(answer.json()) & {"rejected_count", "partialSuccess"}), answer.text
