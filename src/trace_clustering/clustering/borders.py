"""A tree of all points brought within given clusters of the rows.

The borders of clusters run through groups, and from inside one cluster alone the part of a group
that is in it is hard to tell from its neighbours. So a tree is built without the clusters first.
Its leaves are cut along the borders, and each side stays as that tree joined it. All above is
joined anew, by Ward's method within the clusters: strays of a few rows mostly first, because they
weigh so little.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.linkage import Cuts, Tree, in_order, stacked, ward
from trace_clustering.clustering.merging import Merges
from trace_clustering.clustering.micro import united
from trace_clustering.clustering.threads import Float32, Float64, Labels, Workers

# A side that holds so much of the leaf that was cut is a leaf of its own; less is strays, but for
# the largest side.
_A_LEAF = 0.25


@dataclass(frozen=True, eq=False)
class Division:
    """A tree, and the number of its leaves.

    Attributes:
        tree: over points.
        of_rows: (n,) the point of each row.
        leaves: into how many groups to cut it.
    """

    tree: Tree
    of_rows: Labels
    leaves: int


def within_groups(workers: Workers, free: Division, rows: Float32, groups: Labels) -> Division:
    """The leaves of a tree cut along the borders of groups, and joined anew.

    A group's points are all joined before any of them is joined to another group's. There are no
    more leaves than groups where ``free`` has no more.

    Args:
        workers: told of progress.
        free: built without the groups, with at least as many leaves.
        rows: (n, d) in canonical order.
        groups: (n,) numbers 0..k-1 without gaps.

    Returns:
        Over the parts of ``free``'s points that are in one group each. Inside the leaves the
        heights are those of ``free``.
    """
    count = int(groups.max()) + 1
    # There are at least as many leaves as groups, which may be more than points.
    cut = min(free.leaves, free.tree.points)
    leaf_of_row = Cuts(free.tree).labels(cut)[free.of_rows].astype(np.int64)
    sides = united(rows, leaf_of_row * count + groups)
    first = np.unique(sides.of_rows, return_index=True)[1]
    # By the point first: where every row is a point it keeps its number.
    pieces = free.of_rows.astype(np.int64) * count + groups
    numbers, one_row, of_rows, weights = np.unique(
        pieces, return_index=True, return_inverse=True, return_counts=True
    )
    inside = _inside(free.tree, free.tree.points - cut, numbers // count, numbers % count)
    above = ward(workers, sides.means, sides.weights, groups[first])
    whole = Merges(above.children.astype(np.intp), above.heights)
    merged = stacked(inside, sides.of_rows[one_row], whole)
    leaves = _count_leaves(sides.weights, leaf_of_row[first]) if free.leaves > count else count
    tree = in_order(merged, weights.astype(np.float64))
    return Division(tree, of_rows.astype(np.int32), leaves)


def _count_leaves(weights: Float64, leaf_of_side: NDArray[np.int64]) -> int:
    """How many sides of leaves are leaves, at least one of each."""
    wholes = np.bincount(leaf_of_side, weights)
    sizeable = np.bincount(leaf_of_side, weights >= _A_LEAF * wholes[leaf_of_side])
    return int(np.maximum(sizeable, 1).sum())


def _inside(
    tree: Tree, merges: int, points: NDArray[np.int64], groups: NDArray[np.int64]
) -> Merges:
    """The first merges of a tree, once for each group that has pieces on both sides.

    Args:
        tree: over points.
        merges: how many.
        points: (p,) of which point each piece is.
        groups: (p,) of which group it is.

    Returns:
        Of pieces.
    """
    made = len(points)
    # Of every point and merge what it holds of each group.
    held: list[dict[int, int]] = [{} for _ in range(tree.points)]
    for piece, (point, group) in enumerate(zip(points.tolist(), groups.tolist(), strict=True)):
        held[point][group] = piece
    children: list[tuple[int, int]] = []
    heights: list[float] = []
    for (left, right), height in zip(tree.children[:merges].tolist(), tree.heights, strict=False):
        few, many = sorted((held[left], held[right]), key=len)
        for group, number in few.items():
            if group in many:
                children.append((many[group], number))
                heights.append(height)
                number = made + len(children) - 1
            many[group] = number
        held.append(many)
    return Merges(np.array(children, dtype=np.intp).reshape(-1, 2), np.array(heights, dtype=float))
