"""Ward's tree over points that may weigh differently, and its cuts.

Ward (1963, "Hierarchical grouping to optimize an objective function") joins, step by step, the two
groups whose union adds least to the sum of squared distances to the groups' means.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.merging import Merges, merges
from trace_clustering.clustering.threads import Float32, Float64, Labels, Workers


@dataclass(frozen=True, eq=False)
class Tree:
    """Merges in the order in which they happen, as in SciPy's ``linkage``.

    Attributes:
        children: (m, 2) int32. Numbers below m + 1 are points, m + 1 + i is what merge i made.
        heights: (m,) float64, never descending. Of two points of weight 1 their distance; in
            general the root of twice the sum of squares that the merge adds.
        sizes: (m,) what the points in the union weigh together.
    """

    children: Labels
    heights: Float64
    sizes: Float64

    @property
    def points(self) -> int:
        """How many points the tree joins."""
        return len(self.heights) + 1


class Cuts:
    """Cuts of a tree into any number of groups, each in a few passes over the points.

    In the order of the tree's leaves every group of every cut is a run. A cut into n groups has
    borders where the last n - 1 merges put two runs together.

    Attributes:
        order: (points,) the points in the order of the leaves.
    """

    def __init__(self, tree: Tree) -> None:
        begins = _begins(tree)
        self.order: Labels = np.empty(tree.points, dtype=np.int32)
        self.order[begins[: tree.points]] = np.arange(tree.points)
        # The last merge first.
        self._borders: Labels = begins[tree.children[::-1, 1]]

    def begins(self, groups: int) -> Labels:
        """Where the runs of a cut begin, ascending; the first is 0."""
        return np.sort(np.append(self._borders[: groups - 1], np.int32(0)))

    def labels(self, groups: int) -> Labels:
        """The group (points,) of each point, numbered in the order of the leaves."""
        new = np.zeros(len(self.order), dtype=np.int32)
        new[self._borders[: groups - 1]] = 1
        labels = np.empty_like(new)
        labels[self.order] = np.cumsum(new)
        return labels

    def most_groups(self, pairs: Labels) -> int:
        """In how many groups at most no pair (m, 2) of points is parted."""
        places = np.empty_like(self.order)
        places[self.order] = np.arange(len(self.order))
        left, right = np.sort(places[pairs], axis=1).T
        # How many groups there are when a run begins at each place.
        groups = np.empty(len(self.order), dtype=np.int32)
        groups[0], groups[self._borders] = 1, np.arange(2, len(self.order) + 1)
        apart = left < right
        parted = (
            groups[a + 1 : b + 1].min() for a, b in zip(left[apart], right[apart], strict=True)
        )
        return int(min(parted, default=len(self.order) + 1)) - 1


def _begins(tree: Tree) -> Labels:
    """Where the run of each point and each merge (2m + 1,) begins in the order of the leaves."""
    points = tree.points
    lefts, rights = tree.children.T.tolist()
    counts = [1] * points
    for left, right in zip(lefts, rights, strict=True):
        counts.append(counts[left] + counts[right])
    begins = [0] * (2 * points - 1)
    for merge in range(points - 2, -1, -1):
        left = lefts[merge]
        begins[left] = begins[points + merge]
        begins[rights[merge]] = begins[left] + counts[left]
    return np.array(begins, dtype=np.int32)


def ward(
    workers: Workers,
    points: Float32,
    weights: Float64 | None = None,
    groups: Labels | None = None,
) -> Tree:
    """Ward's tree over points.

    Args:
        workers: told of progress.
        points: (m, d).
        weights: (m,) of the points; 1 each by default.
        groups: (m,) numbers 0..k-1 without gaps. A group's points are all joined before any of them
            is joined to another group's, and the merges of whole groups come last.
    """
    weights = np.ones(len(points)) if weights is None else weights
    if groups is None or not groups.any():
        return in_order(merges(workers, points, weights), weights)
    parts = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
    inside = [merges(workers, points[part], weights[part]) for part in parts]
    totals = np.array([weights[part].sum() for part in parts])
    means = [weights[part] @ points[part] for part in parts] / totals[:, None]
    whole = merges(workers, means.astype(np.float32), totals)
    return in_order(stacked(_together(inside, parts), groups, whole), weights)


def _together(inside: list[Merges], parts: list[NDArray[np.intp]]) -> Merges:
    """The merges of the points of each part as merges of all points."""
    made = sum(map(len, parts))
    children = []
    for merged, part in zip(inside, parts, strict=True):
        numbers = np.concatenate([part, made + np.arange(len(merged.heights))])
        made += len(merged.heights)
        children.append(numbers[merged.children])
    return Merges(np.concatenate(children), np.concatenate([merged.heights for merged in inside]))


def stacked(inside: Merges, part_of_point: Labels, whole: Merges) -> Merges:
    """Merges inside parts, and upon them those of the parts, none lower than any inside.

    Args:
        inside: each joins points of one part; together they join all of every part.
        part_of_point: (p,) numbers without gaps.
        whole: of the parts.
    """
    parts = part_of_point.tolist()
    for one in inside.children[:, 0].tolist():
        parts.append(parts[one])
    tops = np.empty(len(whole.heights) + 1, dtype=np.intp)
    # What was made last of a part is all of it.
    tops[parts] = np.arange(len(parts))
    numbers = np.append(tops, len(parts) + np.arange(len(whole.heights)))
    raised = np.maximum(whole.heights, inside.heights.max(initial=0.0))
    return Merges(
        np.concatenate([inside.children, numbers[whole.children]]),
        np.concatenate([inside.heights, raised]),
    )


def in_order(merged: Merges, weights: Float64) -> Tree:
    """The tree of merges of points that weigh (n,), brought into the order of their heights."""
    n, m = len(weights), len(merged.heights)
    # Where equally high, a union stays after its sides.
    ascending = np.argsort(merged.heights, kind="stable")
    numbers = np.arange(n + m)
    numbers[n + ascending] = n + np.arange(m)
    children = np.sort(numbers[merged.children[ascending]], axis=1).astype(np.int32)
    sizes = weights.tolist()
    for one, other in zip(*children.T.tolist(), strict=True):
        sizes.append(sizes[one] + sizes[other])
    return Tree(children, merged.heights[ascending], np.array(sizes[n:]))
