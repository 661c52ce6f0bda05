"""Numbering lines, and leaving some out evenly where there are too many."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

_MOST_RUNS = 40
_LEAST_DIGITS = 3
_HEADER_CHARS = 80
_GAP_CHARS = 32


def numbered(lines: Sequence[str], max_chars: int) -> str:
    """``L001: …`` and so on, in at most ``max_chars`` characters.

    Where that is too little, runs of lines are kept, evenly spread over the whole, the first and
    the last line among them.
    """
    digits = max(_LEAST_DIGITS, len(str(len(lines))))
    texts = [f"L{number:0{digits}d}: {line}" for number, line in enumerate(lines, start=1)]
    whole = "\n".join(texts)
    if len(whole) <= max_chars:
        return whole
    return _with_gaps_marked(texts, _kept_runs(texts, max_chars))[:max_chars]


def _kept_runs(texts: Sequence[str], max_chars: int) -> list[tuple[int, int]]:
    """Which lines stay: pairs of first and behind last, ascending."""
    sizes = [len(text) + 1 for text in texts]
    ends = list(accumulate(sizes))
    budget = max_chars - _HEADER_CHARS
    count = max(1, min(_MOST_RUNS, budget // (max(sizes) + _GAP_CHARS)))
    share = budget // count - _GAP_CHARS
    bounds = [bisect_left(ends, ends[-1] * i / count) for i in range(count)] + [len(texts)]
    runs = [_head(sizes, bounds[i], bounds[i + 1], share) for i in range(count - 1)]
    # The last run is the end of its part of the text: how it ended matters most.
    runs.append(_tail(sizes, bounds[-2], bounds[-1], share))
    return [(first, behind) for first, behind in runs if first < behind]


def _head(sizes: Sequence[int], first: int, behind: int, share: int) -> tuple[int, int]:
    last = first
    while last < behind and sizes[last] <= share:
        share -= sizes[last]
        last += 1
    return first, last


def _tail(sizes: Sequence[int], first: int, behind: int, share: int) -> tuple[int, int]:
    start = behind
    while start > first and sizes[start - 1] <= share:
        start -= 1
        share -= sizes[start]
    return start, behind


def _with_gaps_marked(texts: Sequence[str], runs: Sequence[tuple[int, int]]) -> str:
    shown = sum(behind - first for first, behind in runs)
    lines = [f"… shown {shown:,} of {len(texts):,} lines, evenly sampled"]
    at = 0
    for first, behind in [*runs, (len(texts), len(texts))]:
        if first > at:
            left_out = first - at
            lines.append(f"… {left_out:,} {'line' if left_out == 1 else 'lines'} left out")
        lines += texts[first:behind]
        at = behind
    return "\n".join(lines)
