"""What is drawn of a run without a library: the bar of shares, and how traces came day by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from trace_clustering import amounts
from trace_clustering.run_reading import Properties

_MAX_DAYS = 31


@dataclass(frozen=True)
class DayBar:
    """A step of time in a drawing of 100 × 100: its traces, as high as they are many."""

    label: str
    x: float
    width: float
    height: float


@dataclass(frozen=True)
class Slice:
    """A group in the bar of shares, which is 1 long."""

    group: Mapping[str, Any]
    start: float
    share: float


def slices_of(groups: Sequence[Mapping[str, Any]]) -> tuple[Slice, ...]:
    """The groups one after the other, the whole bar long."""
    sizes = [group["size"] for group in groups]
    total = sum(sizes) or 1
    starts = accumulate(sizes, initial=0)
    return tuple(
        Slice(group, start / total, size / total)
        for group, start, size in zip(groups, starts, sizes, strict=False)
    )


class Days:
    """How many traces came from day to day, over the same days for every cluster."""

    def __init__(self, properties: Properties) -> None:
        every = [cluster.get("facts") for cluster in properties["$ai_clusters"]]
        self.all = amounts.days_of([*every, properties.get("$ai_facts")])

    def steps(self, facts: Mapping[str, Any] | None) -> list[tuple[str, str, int]]:
        """Of each step its first day, its last day and the traces; empty without facts."""
        return amounts.per_day(facts, self.all, _MAX_DAYS)

    def bars(self, facts: Mapping[str, Any] | None) -> list[DayBar]:
        """A bar for each step; each drawing is as high as its highest bar."""
        steps = self.steps(facts)
        most = max((traces for _, _, traces in steps), default=0) or 1
        width = 100 / max(len(steps), 1)
        return [
            DayBar(
                label=f"{_span(first, last)}: {traces:,}",
                x=round(i * width + width * 0.1, 2),
                width=round(width * 0.8, 2),
                height=round(100 * traces / most, 2),
            )
            for i, (first, last, traces) in enumerate(steps)
        ]


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} – {last}"
