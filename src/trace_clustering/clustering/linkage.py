"""Ward's tree over points that may weigh differently, and its cuts.

Ward (1963, "Hierarchical grouping to optimize an objective function") joins, step by step, the two
groups whose union adds least to the sum of squared distances to the groups' means.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.neighbours import first_of_equals
from trace_clustering.clustering.threads import Float32, Float64, Labels, Workers, row_blocks

_STRIP_ROWS = 256
# Squared distances below this share of the squared lengths are rounding.
_EQUAL = np.float32(4 * np.finfo(np.float32).eps)


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
    children = tree.children.tolist()
    counts = [1] * points
    for left, right in children:
        counts.append(counts[left] + counts[right])
    begins = [0] * (2 * points - 1)
    for merge in range(points - 2, -1, -1):
        left, right = children[merge]
        begins[left] = begins[points + merge]
        begins[right] = begins[left] + counts[left]
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
        return _numbered([_merges(workers, points, weights)], weights)
    parts = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
    inside = [_merges(workers, points[part], weights[part]).of(part) for part in parts]
    totals = np.array([weights[part].sum() for part in parts])
    means = [weights[part] @ points[part] for part in parts] / totals[:, None]
    whole = _merges(workers, means.astype(np.float32), totals).of(
        np.array([part[0] for part in parts])
    )
    highest = max((float(merges.heights.max(initial=0.0)) for merges in inside), default=0.0)
    raised = _Merges(whole.pairs, np.maximum(whole.heights, highest))
    return _numbered([*inside, raised], weights)


@dataclass(frozen=True)
class _Merges:
    """Merges in no order: a point of each side (m, 2), and the height (m,)."""

    pairs: NDArray[np.intp]
    heights: Float64

    def of(self, points: NDArray[np.intp]) -> "_Merges":
        """The same merges, of these points."""
        return _Merges(points[self.pairs], self.heights)


def _squared_distances(workers: Workers, points: Float32) -> Float32:
    """(m, m), symmetric to the last bit; equal points, side by side, are at exactly zero."""
    norms = squared_norms(points)
    distinct = np.cumsum(first_of_equals(points), dtype=np.int32)
    copies = len(points) > int(distinct[-1])
    squares = np.empty((len(points), len(points)), dtype=np.float32)

    def fill(part: slice) -> None:
        apart = points[part] @ points[: part.stop].T
        apart *= np.float32(-2)
        apart += norms[part, None]
        apart += norms[: part.stop]
        np.maximum(apart, 0, out=apart)
        apart[apart < _EQUAL * (norms[part, None] + norms[: part.stop])] = 0
        if copies:
            apart[distinct[part, None] == distinct[: part.stop]] = 0
        # Sums of the same numbers in another order round differently.
        corner = apart[:, part]
        np.minimum(corner, corner.T, out=corner)
        squares[part, : part.stop] = apart
        squares[: part.start, part] = apart[:, : part.start].T

    for _ in workers.map(fill, row_blocks(len(points), _STRIP_ROWS)):
        pass
    return squares


def _merges(workers: Workers, points: Float32, weights: Float64) -> _Merges:
    """The nearest-neighbour chain on distances that are overwritten.

    Murtagh (1983, "A survey of recent advances in hierarchical clustering algorithms"). The squared
    height between what weighs a and b is 2ab / (a + b) times the squared distance of the means. A
    union is kept in the place of one of its two sides.

    The chain ends, without going round, because the distances are symmetric to the last bit and no
    union is nearer to anything than both of its sides were.
    """
    n, heavy = len(points), weights.astype(np.float32)
    squares = _squared_distances(workers, points)
    for part in row_blocks(n, _STRIP_ROWS):
        squares[part] *= 2 * heavy[part, None] * heavy / (heavy[part, None] + heavy)
    np.fill_diagonal(squares, np.inf)
    pairs, heights = np.empty((n - 1, 2), dtype=np.intp), np.empty(n - 1)
    chain: list[int] = []
    begin = 0
    for merge in range(n - 1):
        if not chain:
            while heavy[begin] == 0:
                begin += 1
            chain.append(begin)
        one, other = _climb(workers, squares, chain)
        pairs[merge], heights[merge] = (one, other), squares[one, other]
        _unite(squares, heavy, one, other)
        if merge % _STRIP_ROWS == 0:
            workers.progress()
    return _Merges(pairs, np.sqrt(heights))


def _climb(workers: Workers, squares: Float32, chain: list[int]) -> tuple[int, int]:
    """Goes on to the nearest until two are nearest to each other; takes them off the chain."""
    while True:
        last = chain[-1]
        row = squares[last]
        nearest = int(row.argmin())
        # Of equally near ones the one that it came from, or the chain would go round.
        if len(chain) > 1 and row[chain[-2]] <= row[nearest]:
            before = chain[-2]
            del chain[-2:]
            return (last, before) if last < before else (before, last)
        chain.append(nearest)
        if len(chain) % _STRIP_ROWS == 0:
            workers.progress()


def _unite(squares: Float32, heavy: Float32, one: int, other: int) -> None:
    """Puts the union of both in the place of ``other``, by Lance and Williams' formula."""
    a, b = heavy[one], heavy[other]
    row = (a + heavy) * squares[one] + (b + heavy) * squares[other] - heavy * squares[one, other]
    row /= a + b + heavy
    # So it is but for rounding: a union is not nearer than the nearer of its sides.
    np.maximum(row, np.minimum(squares[one], squares[other]), out=row)
    row[other] = np.inf
    squares[other] = row
    squares[:, other] = row
    squares[one] = np.inf
    squares[:, one] = np.inf
    heavy[one], heavy[other] = 0, a + b


def _numbered(parts: list[_Merges], weights: Float64) -> Tree:
    """Brings merges into the order of their heights and numbers what they made."""
    heights = np.concatenate([part.heights for part in parts])
    pairs = np.concatenate([part.pairs for part in parts])
    ascending = np.argsort(heights, kind="stable")
    n = len(weights)
    parent = list(range(2 * n - 1))
    children: list[list[int]] = []
    sizes = weights.tolist()
    for one, other in pairs[ascending].tolist():
        sides = sorted((_root(parent, one), _root(parent, other)))
        for side in sides:
            parent[side] = n + len(children)
        sizes.append(sizes[sides[0]] + sizes[sides[1]])
        children.append(sides)
    numbers = np.array(children, dtype=np.int32).reshape(-1, 2)
    return Tree(numbers, heights[ascending], np.array(sizes[n:]))


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = number = parent[parent[number]]
    return number
