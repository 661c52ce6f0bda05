"""Which clusters of two runs are the same ones, by the traces that both runs sampled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trace_clustering.models.browsing import Flow
from trace_clustering.run_reading import Properties

Change = Literal["grown", "shrunk", "same", "new", "gone"]
Cluster = Mapping[str, Any]

_MOST = 0.5
"""Share of each cluster's traces that the other one has if they are the same."""

_POINTS = 0.02
"""A share that changes by less has not changed for anyone who reads it."""


@dataclass(frozen=True)
class Match:
    """What became of a cluster.

    Attributes:
        before, after: the cluster in both runs; None where it is gone, or new.
        near: of a new cluster, the one before that has most of its traces; of one that is gone,
            the one after. None where they share no trace with any.
        shared: traces that are in ``before`` and ``after``, or in the one that there is and
            ``near``.
        of: traces of the cluster that both runs sampled; of ``after``, or of one that is gone.
    """

    change: Change
    before: Cluster | None
    after: Cluster | None
    near: Cluster | None
    shared: int
    of: int


def matches_of(before: Properties, after: Properties, flows: Sequence[Flow]) -> list[Match]:
    """The later run's clusters in their order, then those of the earlier run that are gone.

    Two clusters are the same if each has at least half of the other's traces, as far as both
    runs sampled them; the pairs with the most traces are found first, each cluster once.
    """
    earlier, later = _by_id(before), _by_id(after)
    known = [one for one in flows if one.before in earlier and one.after in later]
    pairs = _pairs(known)
    taken = {one.before: one for one in pairs.values()}
    from_, to = _sums(known)
    matches = []
    for number, cluster in later.items():
        pair = pairs.get(number)
        if pair:
            was = earlier[pair.before]
            change = _change(_share(was, before), _share(cluster, after))
            matches.append(Match(change, was, cluster, None, pair.traces, to[number]))
        else:
            near = _most(one for one in known if one.after == number)
            origin = earlier[near.before] if near else None
            shared = near.traces if near else 0
            matches.append(Match("new", None, cluster, origin, shared, to[number]))
    for number, cluster in earlier.items():
        if number not in taken:
            near = _most(one for one in known if one.before == number)
            target = later[near.after] if near else None
            shared = near.traces if near else 0
            matches.append(Match("gone", cluster, None, target, shared, from_[number]))
    return matches


def _pairs(flows: Sequence[Flow]) -> dict[int, Flow]:
    """By cluster of the later run."""
    from_, to = _sums(flows)
    pairs: dict[int, Flow] = {}
    left: set[int] = set()
    for flow in sorted(flows, key=lambda one: (-one.traces, one.before, one.after)):
        most = _MOST * max(from_[flow.before], to[flow.after])
        if flow.after not in pairs and flow.before not in left and flow.traces >= most:
            pairs[flow.after] = flow
            left.add(flow.before)
    return pairs


def _sums(flows: Iterable[Flow]) -> tuple[Counter[int], Counter[int]]:
    """Shared traces of each cluster of the earlier and of the later run."""
    from_, to = Counter[int](), Counter[int]()
    for flow in flows:
        from_[flow.before] += flow.traces
        to[flow.after] += flow.traces
    return from_, to


def _most(flows: Iterable[Flow]) -> Flow | None:
    return max(flows, key=lambda one: one.traces, default=None)


def _change(before: tuple[float, float, float], after: tuple[float, float, float]) -> Change:
    """Grown or shrunk only where chance does not explain it: the intervals do not overlap."""
    if abs(after[0] - before[0]) < _POINTS:
        return "same"
    if after[1] > before[2]:
        return "grown"
    return "shrunk" if after[2] < before[1] else "same"


def _share(cluster: Cluster, properties: Properties) -> tuple[float, float, float]:
    """A cluster's share with its interval, which is that wide only where facts tell it."""
    facts = cluster.get("facts")
    if facts:
        return facts["share"], facts["share_low"], facts["share_high"]
    total = sum(one["size"] for one in properties["$ai_clusters"])
    share = cluster["size"] / total if total else 0.0
    return share, share, share


def _by_id(properties: Properties) -> dict[int, Cluster]:
    return {one["cluster_id"]: one for one in properties.get("$ai_clusters") or ()}
