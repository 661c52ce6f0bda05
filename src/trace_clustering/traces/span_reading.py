"""From one event to one span."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trace_clustering.models.traces import (
    EVENT_EMBEDDING,
    EVENT_GENERATION,
    EVENT_TRACE,
    CostSource,
    TraceEvent,
)
from trace_clustering.traces.content import UNNAMED_TOOL, compact_json, error_text
from trace_clustering.traces.conversation import holds_messages, holds_text, messages_of
from trace_clustering.traces.fields import (
    Properties,
    count_in,
    first_of,
    flag_in,
    number_in,
    properties_of,
    text_in,
)
from trace_clustering.traces.pricing import estimate
from trace_clustering.traces.span import (
    AGENT,
    EMBEDDING,
    GENERATION,
    SPAN,
    TOOL,
    TRACE,
    Span,
)
from trace_clustering.traces.trace import Message

INPUT_STATE = ("$ai_input_state", "$ai_input")
OUTPUT_STATE = ("$ai_output_state", "$ai_output_choices", "$ai_output")

_KINDS = {EVENT_GENERATION: GENERATION, EVENT_EMBEDDING: EMBEDDING, EVENT_TRACE: TRACE}
_OPERATIONS = {"execute_tool": TOOL, "invoke_agent": AGENT, "create_agent": AGENT}
_LONGEST_SECONDS = 10 * 365 * 86_400
_FIRST_FAILING_STATUS = 400


@dataclass(frozen=True, slots=True)
class Item:
    """An event with what was read from it; its span has no children yet."""

    event: TraceEvent
    properties: Properties
    span: Span

    @property
    def order(self) -> tuple[datetime, datetime, int, str]:
        """Sorts by time; of calls at the same time, the one that knows less came first."""
        span = self.span
        return span.start, span.end, len(span.input), span.uuid


def read_item(event: TraceEvent, kind: str | None = None) -> Item:
    """What an event says; never fails.

    Args:
        kind: of the span, if that is known better than from the event alone.
    """
    properties = properties_of(event.properties)
    kind = kind or _kind(event.event, properties)
    failed, error = _failure(properties)
    start = event.timestamp - _latency(properties)
    cost, source = _cost(kind, properties, start)
    is_call = kind in (GENERATION, EMBEDDING)
    read = _said if is_call else _state
    given, given_text = read(kind, properties, "user")
    got, got_text = read(kind, properties, "assistant")
    span = Span(
        span_id=text_in(properties, "$ai_span_id") or "",
        parent_id=text_in(properties, "$ai_parent_id"),
        uuid=event.uuid,
        kind=kind,
        name=_name(kind, properties),
        start=start,
        end=event.timestamp,
        model=text_in(properties, "$ai_model"),
        provider=text_in(properties, "$ai_provider"),
        input=given,
        input_text=given_text,
        output=got,
        output_text=got_text,
        input_tokens=count_in(properties, "$ai_input_tokens"),
        output_tokens=count_in(properties, "$ai_output_tokens"),
        cost_usd=cost,
        cost_source=source,
        is_error=failed,
        error=error,
    )
    return Item(event, properties, span)


def _kind(event: str, properties: Properties) -> str:
    if event in (EVENT_GENERATION, EVENT_EMBEDDING):
        return _KINDS[event]
    said = text_in(properties, "$ai_span_kind")
    operation = text_in(properties, "gen_ai.operation.name") or ""
    return said.strip().lower() if said else _OPERATIONS.get(operation, _KINDS.get(event, SPAN))


def _name(kind: str, properties: Properties) -> str:
    name = text_in(properties, "$ai_span_name") or ""
    if kind == AGENT:
        return name.removeprefix("invoke_agent ").strip() or name
    if kind != TOOL:
        return name
    tool = text_in(properties, "gen_ai.tool.name", "tool.name")
    return tool or name.removeprefix("execute_tool ").strip() or UNNAMED_TOOL


def _latency(properties: Properties) -> timedelta:
    seconds = number_in(properties, "$ai_latency") or 0.0
    return timedelta(seconds=seconds if seconds <= _LONGEST_SECONDS else 0.0)


def _said(kind: str, properties: Properties, role: str) -> tuple[tuple[Message, ...], str]:
    """What a model was given or gave back: always messages."""
    if role == "user":
        return messages_of(first_of(properties, "$ai_input", "$ai_input_state")), ""
    # What comes of an embedding is a vector: nothing to read.
    if kind == EMBEDDING:
        return (), ""
    value = first_of(properties, "$ai_output_choices", "$ai_output", "$ai_output_state")
    return messages_of(value, default_role=role), ""


def _state(kind: str, properties: Properties, role: str) -> tuple[tuple[Message, ...], str]:
    """What a span was given or gave back: messages where it is plainly such, otherwise text."""
    value = first_of(properties, *(INPUT_STATE if role == "user" else OUTPUT_STATE))
    if value is None:
        return (), ""
    if holds_messages(value) or (kind != TOOL and holds_text(value)):
        return messages_of(value, default_role=role), ""
    return (), compact_json(value)


def _failure(properties: Properties) -> tuple[bool, str | None]:
    """Whether it failed, and what is said about it."""
    said = flag_in(properties, "$ai_is_error")
    text = error_text(properties.get("$ai_error")).strip()
    status = count_in(properties, "$ai_http_status") or 0
    if said is False or (said is None and not text and status < _FIRST_FAILING_STATUS):
        return False, None
    return True, text or (f"HTTP {status}" if status >= _FIRST_FAILING_STATUS else None)


def _cost(kind: str, properties: Properties, when: datetime) -> tuple[float | None, CostSource]:
    sent = _sent_cost(properties)
    if sent is not None:
        return sent, "sent"
    if kind not in (GENERATION, EMBEDDING):
        return None, "unknown"
    estimated = _estimated_cost(properties, when)
    return estimated, "unknown" if estimated is None else "estimated"


def _sent_cost(properties: Properties) -> float | None:
    parts = [number_in(properties, f"$ai_{part}_cost_usd") for part in ("total", "input", "output")]
    total, *sides = parts
    known = [side for side in sides if side is not None]
    cost = sum(known) if total is None and known else total
    # Clients write zeros where a call failed or its usage was never told: that is no knowledge.
    return cost if cost or _has_tokens(properties) else None


def _has_tokens(properties: Properties) -> bool:
    return any(count_in(properties, f"$ai_{side}_tokens") for side in ("input", "output"))


def _estimated_cost(properties: Properties, when: datetime) -> float | None:
    model = text_in(properties, "$ai_model")
    tokens_in = count_in(properties, "$ai_input_tokens")
    tokens_out = count_in(properties, "$ai_output_tokens") or 0
    if model is None or tokens_in is None or not _has_tokens(properties):
        return None
    read = count_in(properties, "$ai_cache_read_input_tokens") or 0
    written = count_in(properties, "$ai_cache_creation_input_tokens") or 0
    if _counts_cache_apart(properties, model):
        tokens_in += read + written
    return estimate(
        model,
        text_in(properties, "$ai_provider"),
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_read_tokens=read,
        cache_write_tokens=written,
        when=when,
    )


def _counts_cache_apart(properties: Properties, model: str) -> bool:
    """Whether the input tokens leave out those of the cache, as Anthropic's own API does."""
    said = flag_in(properties, "$ai_cache_reporting_exclusive")
    if said is not None:
        return said
    # Only PostHog's own library hands on what Anthropic's API says without adding it up.
    is_verbatim = (text_in(properties, "$ai_lib") or "").startswith("posthog")
    provider = text_in(properties, "$ai_provider") or ""
    return is_verbatim and ("anthropic" in provider.lower() or "claude" in model.lower())
