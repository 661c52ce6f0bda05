"""From a trace's events to the tree of its spans, whatever their parents are said to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trace_clustering.models.traces import EVENT_TRACE
from trace_clustering.traces.span import Span
from trace_clustering.traces.span_reading import Item


def arranged(trace_id: str, items: Sequence[Item]) -> list[int | None]:
    """For each item the position of its parent; None for roots. At least one is a root.

    A parent that is not there makes a root, as does being one's own parent; of spans that are
    parents of each other in a circle the first becomes a root. The trace's id stands for its
    event ``$ai_trace``, and so does no parent at all where there is such an event.

    Args:
        items: in order.
    """
    by_id: dict[str, int] = {}
    for position, item in enumerate(items):
        if item.span.span_id:
            by_id.setdefault(item.span.span_id, position)
    whole = _whole_trace(items)
    if whole is not None:
        by_id.setdefault(trace_id, whole)
    parents = [_parent(item, by_id, whole) for item in items]
    parents = [None if p == position else p for position, p in enumerate(parents)]
    _break_circles(parents)
    return parents


def built(items: Sequence[Item], parents: Sequence[int | None]) -> tuple[Span, ...]:
    """The roots, with all their children; iterative, as a chain may be thousands deep."""
    children: list[list[int]] = [[] for _ in items]
    roots: list[int] = []
    for position, parent in enumerate(parents):
        (roots if parent is None else children[parent]).append(position)
    downwards = list(roots)
    for position in downwards:  # grows while it is walked
        downwards += children[position]
    spans = [item.span for item in items]
    for position in reversed(downwards):
        if children[position]:
            below = tuple(spans[child] for child in children[position])
            spans[position] = replace(spans[position], children=below)
    return tuple(spans[root] for root in roots)


def _whole_trace(items: Sequence[Item]) -> int | None:
    """The event that stands for the whole trace."""
    candidates = [i for i, item in enumerate(items) if item.event.event == EVENT_TRACE]
    roots = [i for i in candidates if items[i].span.parent_id is None]
    return next(iter(roots or candidates), None)


def _parent(item: Item, by_id: dict[str, int], whole: int | None) -> int | None:
    if item.span.parent_id is not None:
        return by_id.get(item.span.parent_id)
    return None if item.event.event == EVENT_TRACE else whole


def _break_circles(parents: list[int | None]) -> None:
    """Make the first member of every circle a root."""
    settled = [False] * len(parents)
    for start in range(len(parents)):
        path: dict[int, None] = {}
        position: int | None = start
        while position is not None and not settled[position] and position not in path:
            path[position] = None
            position = parents[position]
        if position is not None and position in path:
            steps = list(path)
            parents[min(steps[steps.index(position) :])] = None
        for step in path:
            settled[step] = True
