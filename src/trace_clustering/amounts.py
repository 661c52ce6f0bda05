"""Numbers as people read them: shares, money, seconds, and how a count went day by day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

UNKNOWN = "–"
"""What stands where a number is not known."""

_LEAST_DOLLARS = 0.0001
_DOLLAR_DIGITS = ((0.01, 4), (0.1, 3), (100, 2))


def percent(share: float | None) -> str:
    """A share of 1: 26%, 0.4%, <0.1%."""
    known = _known(share)
    return UNKNOWN if known is None else f"{_points(known)}%"


def share_within(share: float | None, low: float | None, high: float | None) -> str:
    """A share with its interval, all in per cent: 26% (24–28); alone where that is no wider."""
    bounds = [_points(one) for one in map(_known, (low, high)) if one is not None]
    if _known(share) is None or len(set(bounds)) < 2:
        return percent(share)
    return f"{percent(share)} ({'–'.join(bounds)})"


def money(dollars: float | None) -> str:
    """US dollars, with as many digits as say something: $0.0012, $0.12, $1,234."""
    known = _known(dollars)
    if known is None:
        return UNKNOWN
    if 0 < known < _LEAST_DOLLARS:
        return f"<${_LEAST_DOLLARS}"
    digits = next((digits for below, digits in _DOLLAR_DIGITS if 0 < known < below), 0)
    return f"${known:,.{digits}f}"


def seconds(value: float | None) -> str:
    """A duration: 450 ms, 1.2 s, 12 s, 3.5 min, 2.0 h."""
    known = _known(value)
    if known is None:
        return UNKNOWN
    if known < 0.9995:
        return f"{known * 1000:.0f} ms"
    if known < 99.5:
        return f"{known:.1f} s" if known < 9.95 else f"{known:.0f} s"
    return f"{known / 60:.1f} min" if known < 3570 else f"{known / 3600:,.1f} h"


def count(number: float | None) -> str:
    known = _known(number)
    return UNKNOWN if known is None else f"{known:,.0f}"


def ratio(value: float | None, digits: int = 2) -> str:
    """A number that has no unit, such as a silhouette."""
    known = _known(value)
    return UNKNOWN if known is None else f"{known:.{digits}f}"


def days_of(all_facts: Iterable[Mapping[str, object] | None]) -> list[str]:
    """Every day that any of these facts of groups count, ascending."""
    return sorted({day for facts in all_facts for day in _by_day(facts)})


def per_day(
    facts: Mapping[str, object] | None, days: Sequence[str], most: int
) -> list[tuple[str, str, int]]:
    """How many traces there were, from day to day; long times in steps of several days.

    Args:
        days: which days, so that several groups can be compared.
        most: steps.

    Returns:
        Of each step its first day, its last day and the traces; empty without facts.
    """
    counts = _by_day(facts)
    if not counts:
        return []
    step = math.ceil(len(days) / most)
    spans = [days[start : start + step] for start in range(0, len(days), step)]
    return [(span[0], span[-1], sum(counts.get(day, 0) for day in span)) for span in spans]


def _by_day(facts: Mapping[str, object] | None) -> dict[str, int]:
    days = facts.get("by_day") if facts else None
    return {str(day): int(traces) for day, traces in days} if isinstance(days, list) else {}


def _points(share: float) -> str:
    """Percentage points: whole ones, and below two their tenths."""
    points = share * 100
    if points == 0:
        return "0"
    if 0 < points < 0.05:
        return "<0.1"
    if points < 1.95 or 99.5 <= points < 99.95:
        return f"{points:.1f}"
    return f"{points:.0f}"


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
