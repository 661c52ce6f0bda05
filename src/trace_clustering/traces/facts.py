"""What is known of a trace as a whole, from its spans."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from trace_clustering.models.traces import EVENT_TRACE, CostSource, TraceFacts
from trace_clustering.traces.fields import Properties, count_in, number_in, text_in
from trace_clustering.traces.span import (
    AGENT,
    EMBEDDING,
    GENERATION,
    RETRIEVER,
    TOOL,
    Span,
    walk,
)
from trace_clustering.traces.span_reading import Item

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CALLS = (GENERATION, EMBEDDING)
_STEPS = (GENERATION, EMBEDDING, TOOL, RETRIEVER)
_ACTORS = (TOOL, RETRIEVER, AGENT)


def facts_of(
    trace_id: str,
    items: Sequence[Item],
    root_items: Sequence[Item],
    roots: Sequence[Span],
    tools: Sequence[str],
) -> TraceFacts:
    """Facts of a trace.

    Args:
        items: all events, in order; at least one.
        root_items: those of them that have no parent, the whole trace's own first.
        roots: the tree.
        tools: names of the tools called, in order.
    """
    line = line_facts(items)
    usage = _usage(items, roots, line)
    return TraceFacts(
        trace_id=trace_id,
        name=_name(items, root_items),
        start=min(item.span.start for item in items),
        duration=_seconds(items) or (number_in(line, "latency_ms") or 0.0) / 1_000,
        models=_models(items),
        tools=tuple(tools),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        cost_source=usage.cost_source,
        errors=sum(item.span.is_error for item in items),
        is_error=is_failed(items, root_items),
        user_id=_user(trace_id, items),
        session_id=_first(items, "$ai_session_id") or text_in(line, "session_id"),
        spans=len(items),
    )


@dataclass(frozen=True)
class _Usage:
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_source: CostSource


def _usage(items: Sequence[Item], roots: Sequence[Span], line: Properties) -> _Usage:
    """What all calls took together; where no span tells, what the trace's line says."""
    counted = _counted(items, roots)
    tokens_in = _sum_known(span.input_tokens for span in counted)
    tokens_out = _sum_known(span.output_tokens for span in counted)
    cost, source = _cost(counted, roots)
    sent = number_in(line, "cost_usd")
    return _Usage(
        count_in(line, "input_tokens") if tokens_in is None else tokens_in,
        count_in(line, "output_tokens") if tokens_out is None else tokens_out,
        sent if cost is None else cost,
        "sent" if cost is None and sent is not None else source,
    )


def _seconds(items: Sequence[Item]) -> float:
    start = min(item.span.start for item in items)
    end = max(item.span.end for item in items)
    return (end - start).total_seconds()


def line_facts(items: Sequence[Item]) -> Properties:
    """The metadata of an ingested trace line, which may tell what there are no spans for."""
    (item, *others) = items
    metadata = item.properties.get("$ai_metadata")
    is_line = not others and item.event.event == EVENT_TRACE
    return metadata if is_line and isinstance(metadata, dict) else {}


def is_failed(items: Sequence[Item], root_items: Sequence[Item]) -> bool:
    """Whether the run as a whole failed.

    It did if a root failed that stands for the run, or the last call of a model; where there is
    neither, if the last root failed. So an error that the run recovered from, such as a tool's
    or that of a call which was repeated, does not count.
    """
    runs = [root for root in root_items if root.span.kind not in _STEPS]
    generations = [item for item in items if item.span.kind == GENERATION]
    if any(run.span.is_error for run in runs):
        return True
    last = generations or ([] if runs else root_items)
    return bool(last) and last[-1].span.is_error


def _name(items: Sequence[Item], root_items: Sequence[Item]) -> str:
    named = _first([*root_items, *items], "$ai_trace_name")
    return named or root_items[0].span.name


def _first(items: Iterable[Item], name: str) -> str | None:
    texts = (text_in(item.properties, name) for item in items)
    return next((text for text in texts if text), None)


def _user(trace_id: str, items: Sequence[Item]) -> str | None:
    named = _first(items, "$ai_user_id")
    if named:
        return named
    # Where they know no user, SDKs fall back to the trace's or the span's own id, or make one up
    # and say that it is nobody's.
    ids = (
        item.event.distinct_id
        for item in items
        if item.event.distinct_id not in (trace_id, item.span.span_id) and not _is_made_up(item)
    )
    return next((one for one in ids if one.strip()), None)


def _is_made_up(item: Item) -> bool:
    """Applications may want no profiles of users that they do name: those are no UUIDs."""
    is_nobody = item.properties.get("$process_person_profile") is False
    return is_nobody and _UUID.fullmatch(item.event.distinct_id) is not None


def _models(items: Sequence[Item]) -> tuple[str, ...]:
    calls = [item.span.model for item in items if item.span.kind in _CALLS]
    names = calls if any(calls) else [item.span.model for item in items]
    return tuple(dict.fromkeys(name for name in names if name))


def _counted(items: Sequence[Item], roots: Sequence[Span]) -> list[Span]:
    """The spans whose usage adds up to the trace's, none of it twice.

    Those are the calls of models, but for calls around another call: two libraries that watch
    the same request report it both. Without any calls, the outermost spans that tell their usage.
    """
    if any(item.span.kind in _CALLS for item in items):
        around = _around_calls(roots)
        return [i.span for i in items if i.span.kind in _CALLS and i.span.uuid not in around]
    return _outermost(roots, _tells_usage)


def _around_calls(roots: Sequence[Span]) -> set[str]:
    """Calls of models around another report of the same request that tells its usage.

    What a tool or an agent asks of a model is another request than the one it was called by.
    """
    around: set[str] = set()
    enclosing: dict[str, Span | None] = {}
    waiting: list[tuple[Span, Span | None]] = [(root, None) for root in roots]
    while waiting:
        span, call = waiting.pop()
        if span.kind == GENERATION:
            enclosing[span.uuid] = call
            while _tells_usage(span) and call is not None and call.uuid not in around:
                around.add(call.uuid)
                call = enclosing[call.uuid]
            call = span
        below = None if span.kind in _ACTORS else call
        waiting += [(child, below) for child in span.children]
    return around


def _tells_usage(span: Span) -> bool:
    return bool(span.input_tokens or span.output_tokens or span.cost_source == "sent")


def _outermost(roots: Sequence[Span], tells: Callable[[Span], bool]) -> list[Span]:
    """The spans that tell something, without those below them."""
    found, waiting = [], list(roots)
    while waiting:
        span = waiting.pop()
        if tells(span):
            found.append(span)
        else:
            waiting += span.children
    return found


def _cost(counted: Sequence[Span], roots: Sequence[Span]) -> tuple[float | None, CostSource]:
    counted = _as_sent(counted, roots)
    known = [span for span in counted if span.cost_usd is not None]
    if not known:
        known = counted = _outermost(roots, lambda span: span.cost_usd is not None)
    if not known:
        return None, "unknown"
    # A call that failed and tells no usage cost nothing that anybody knows of.
    missing = any(s.cost_usd is None and (_tells_usage(s) or not s.is_error) for s in counted)
    sources = {span.cost_source for span in known}
    total = sum(span.cost_usd or 0.0 for span in known)
    if not math.isfinite(total):
        return None, "unknown"
    return total, "mixed" if missing or len(sources) > 1 else known[0].cost_source


def _as_sent(counted: Sequence[Span], roots: Sequence[Span]) -> Sequence[Span]:
    """Where no call tells what it cost, the spans that do in place of the calls below them."""
    if any(span.cost_source == "sent" for span in counted):
        return counted
    told = _outermost(roots, lambda span: span.cost_source == "sent")
    below = {span.uuid for _, span in walk(told)}
    return [*told, *(span for span in counted if span.uuid not in below)]


def _sum_known(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
