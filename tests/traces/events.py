"""Events as receivers hand them on, for tests of what comes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from trace_clustering.models.traces import EVENT_GENERATION, EVENT_SPAN, EVENT_TRACE, TraceEvent

TRACE_ID = "trace-1"
MOMENT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def event(
    name: str,
    uuid: str,
    *,
    at: float = 0.0,
    takes: float | None = None,
    parent: str | None = None,
    user: str = TRACE_ID,
    extra: dict[str, object] | None = None,
    **properties: object,
) -> TraceEvent:
    """An event that began ``at`` seconds; ``model="m"`` is its property ``$ai_model``.

    Its span id is its uuid, unless ``span_id`` says otherwise.
    """
    named = {f"$ai_{key}": value for key, value in {"span_id": uuid, **properties}.items()}
    if takes is not None:
        named["$ai_latency"] = takes
    if parent is not None:
        named["$ai_parent_id"] = parent
    text = json.dumps({"$ai_trace_id": TRACE_ID, **named, **(extra or {})})
    return TraceEvent(
        uuid, name, TRACE_ID, user, MOMENT + timedelta(seconds=at + (takes or 0)), text
    )


def generation(uuid: str, **options: Any) -> TraceEvent:
    """A call of a model."""
    return event(EVENT_GENERATION, uuid, **options)


def span(uuid: str, **options: Any) -> TraceEvent:
    """Any other step."""
    return event(EVENT_SPAN, uuid, **options)


def root(uuid: str = "root", **options: Any) -> TraceEvent:
    """The whole trace."""
    return event(EVENT_TRACE, uuid, **options)


def line_event(line: dict[str, object]) -> TraceEvent:
    """What becomes of an ingested trace line."""
    named = {
        "$ai_trace_id": line["trace_id"],
        "$ai_input_state": line["messages"],
        "$ai_model": line.get("model"),
        "$ai_user_id": line.get("user_id"),
        "$ai_is_error": line.get("is_error"),
        "$ai_metadata": line.get("metadata") or None,
    }
    properties = {name: value for name, value in named.items() if value is not None}
    trace_id, moment = str(line["trace_id"]), datetime.fromisoformat(str(line["timestamp"]))
    user = str(line.get("user_id") or trace_id)
    return TraceEvent("line", EVENT_TRACE, trace_id, user, moment, json.dumps(properties))


def as_generations(line: dict[str, object]) -> list[TraceEvent]:
    """The same conversation as a client reports it: one call of a model for each answer."""
    whole = line_event(line)
    messages = line["messages"]
    assert isinstance(messages, list)
    calls = []
    for number, message in enumerate(messages):
        if message["role"] == "assistant":
            properties = {
                "$ai_trace_id": whole.trace_id,
                "$ai_model": line.get("model"),
                "$ai_input": messages[:number],
                "$ai_output_choices": [message],
            }
            calls.append(
                TraceEvent(
                    f"call-{number}",
                    EVENT_GENERATION,
                    whole.trace_id,
                    whole.distinct_id,
                    whole.timestamp + timedelta(milliseconds=number),
                    json.dumps(properties),
                )
            )
    return [*calls, whole]


def tool_call(name: str, arguments: str = "{}", call_id: str = "c") -> dict[str, object]:
    """A message that asks for a tool, as OpenAI writes it."""
    function = {"name": name, "arguments": arguments}
    call = {"id": call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def said(role: str, content: str, **more: object) -> dict[str, object]:
    """A message that is text only."""
    return {"role": role, "content": content, **more}


def loop(*turns: Sequence[dict[str, object]]) -> list[TraceEvent]:
    """Calls of a model, a second apart, each with everything that was said before it.

    Each turn is what was said since the last call, its answer at the end.
    """
    history: list[dict[str, object]] = []
    calls = []
    for number, (*before, answer) in enumerate(turns):
        history += before
        calls.append(
            generation(
                f"g{number}",
                at=number,
                takes=0.5,
                model="gpt-4o",
                provider="openai",
                input=list(history),
                output_choices=[answer],
                input_tokens=100,
                output_tokens=10,
            )
        )
        history.append(answer)
    return calls
