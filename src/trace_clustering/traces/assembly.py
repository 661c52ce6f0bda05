"""From the events of one trace to what it was: its tree, its conversation and its facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import EVENT_TRACE, TraceEvent, TraceFacts
from trace_clustering.traces.dialogue import Dialogue, dialogue_of, tools_called
from trace_clustering.traces.facts import facts_of
from trace_clustering.traces.span import GENERATION, SPAN, TOOL, TraceRecord
from trace_clustering.traces.span_reading import Item, read_item
from trace_clustering.traces.trace import Trace
from trace_clustering.traces.tree import arranged, built


def assemble(trace_id: str, events: Sequence[TraceEvent]) -> TraceRecord:
    """Put one trace together.

    The order of the events does not matter, except that of several with one uuid the last is
    taken. Properties of wrong types count as absent.

    Args:
        events: all those of the trace; at least one.

    Raises:
        InvalidInputError: names ``events`` if there are none.
    """
    if not events:
        raise InvalidInputError("events", "must not be empty")
    latest = {event.uuid: event for event in events}
    items = sorted(_read(latest.values()), key=attrgetter("order"))
    parents = arranged(trace_id, items)
    roots = built(items, parents)
    root_items = [item for item, parent in zip(items, parents, strict=True) if parent is None]
    root_items.sort(key=lambda item: item.event.event != EVENT_TRACE)
    dialogue = dialogue_of(items, root_items)
    tools = tools_called(dialogue, items, roots)
    facts = facts_of(trace_id, items, root_items, roots, tools)
    return TraceRecord(_trace(facts, dialogue, root_items), roots, facts)


def _read(events: Iterable[TraceEvent]) -> list[Item]:
    """What the events say; steps by the name of a tool that a model asked for are its runs."""
    items = [read_item(event) for event in events]
    asked = {
        call.name
        for item in items
        if item.span.kind == GENERATION
        for message in item.span.output
        for call in message.tool_calls
    }
    return [
        read_item(item.event, TOOL) if item.span.kind == SPAN and item.span.name in asked else item
        for item in items
    ]


def _trace(facts: TraceFacts, dialogue: Dialogue, root_items: Sequence[Item]) -> Trace:
    metadata = [item.properties.get("$ai_metadata") for item in root_items]
    return Trace(
        trace_id=facts.trace_id,
        timestamp=facts.start,
        model=facts.models[0] if facts.models else None,
        user_id=facts.user_id,
        is_error=facts.is_error,
        metadata=next((each for each in metadata if isinstance(each, dict)), {}),
        messages=tuple(dialogue.messages),
    )
