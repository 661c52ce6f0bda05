"""The facts of a run's groups, and where in the tree each leaf is. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from trace_clustering.inputs import format_time
from trace_clustering.models.findings import OF_RUN, Group, GroupFacts
from trace_clustering.store import KnownOfGroup

_Z_95 = 1.959963984540054


def facts_of_groups(known: Mapping[int, KnownOfGroup], *, in_window: int) -> dict[int, GroupFacts]:
    """The facts of every group, and under ``OF_RUN`` of all sampled traces.

    Args:
        known: by group; of all sampled traces under ``OF_RUN``.
        in_window: traces that the sample was taken of.
    """
    sampled = known[OF_RUN].traces
    facts = {group: _facts(one, sampled, in_window) for group, one in known.items()}
    # Of all traces the share is known, however few of them were sampled.
    facts[OF_RUN] = replace(facts[OF_RUN], share_low=1.0, share_high=1.0)
    return facts


def share_interval(count: int, sampled: int, in_window: int) -> tuple[float, float]:
    """95% interval of a group's share of all traces of the window, from a sample of them.

    Wilson's score interval (1927), with the correction for a sample without replacement from
    ``in_window`` traces: the more of them were sampled the narrower, and of all of them the
    share is known.
    """
    if sampled >= in_window:
        return count / sampled, count / sampled
    n = sampled * (in_window - 1) / (in_window - sampled)
    share = count / sampled
    z2 = _Z_95**2 / n
    middle = (share + z2 / 2) / (1 + z2)
    half = math.sqrt(z2 * share * (1 - share) + z2**2 / 4) / (1 + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def paths_of_leaves(groups: Iterable[Group]) -> dict[int, list[int]]:
    """For each leaf the groups below the top clusters that it belongs to, itself among them."""
    by_id = {group.group_id: group for group in groups}
    parents = {group.parent for group in by_id.values()}
    return {leaf: _path(by_id, leaf) for leaf in by_id if leaf not in parents}


def _path(groups: Mapping[int, Group], leaf: int) -> list[int]:
    path: list[int] = []
    group = groups[leaf]
    while group.parent is not None:
        path.append(group.group_id)
        group = groups[group.parent]
    return path[::-1]


def _facts(known: KnownOfGroup, sampled: int, in_window: int) -> GroupFacts:
    low, high = share_interval(known.traces, sampled, in_window)
    return GroupFacts(
        traces=known.traces,
        share=known.traces / sampled,
        share_low=low,
        share_high=high,
        known=known.known,
        users=known.users,
        sessions=known.sessions,
        cost_usd=known.cost_usd,
        latency_p50=known.latency_p50,
        latency_p95=known.latency_p95,
        input_tokens=known.input_tokens,
        output_tokens=known.output_tokens,
        error_rate=known.errors / known.known if known.known else None,
        models=known.models,
        tools=known.tools,
        first_seen=format_time(known.first_seen),
        last_seen=format_time(known.last_seen),
        by_day=known.by_day,
    )
