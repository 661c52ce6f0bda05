"""Events as receivers make them, for tests of what becomes of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from trace_clustering.models.traces import EVENT_GENERATION, TraceEvent

NAMESPACE = uuid.UUID("8d8f5e1c-0a3b-4a74-9d3f-6d6cf4dbb7b5")
STARTED = datetime(2026, 11, 16, 9, tzinfo=UTC)


def generation(
    trace_id: str,
    number: int = 0,
    *,
    asked: str = "Where is my parcel?",
    answered: str = "On its way.",
    ended: datetime | None = None,
    properties: Mapping[str, Any] | None = None,
) -> TraceEvent:
    """The ``number``-th call of a model in a trace, a minute after the one before."""
    said: dict[str, Any] = {
        "$ai_trace_id": trace_id,
        "$ai_span_id": f"{trace_id}/{number}",
        "$ai_model": "gpt-4o",
        "$ai_provider": "openai",
        "$ai_latency": 1.5,
        "$ai_input_tokens": 12,
        "$ai_output_tokens": 7,
        "$ai_input": [{"role": "user", "content": asked}],
        "$ai_output_choices": [{"role": "assistant", "content": answered}],
        **(properties or {}),
    }
    return TraceEvent(
        uuid=str(uuid.uuid5(NAMESPACE, f"{trace_id}/{number}")),
        event=EVENT_GENERATION,
        trace_id=trace_id,
        distinct_id=trace_id,
        timestamp=ended or STARTED + timedelta(minutes=number),
        properties=json.dumps(said, sort_keys=True),
    )
