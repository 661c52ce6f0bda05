"""A tree of groups under and beside the top clusters, and how many groups there really are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trace_clustering.clustering.borders import Division, within_groups
from trace_clustering.clustering.leaf_level import choose_leaves, neighbour_means
from trace_clustering.clustering.linkage import Cuts, Tree, ward
from trace_clustering.clustering.micro import Points, gathered
from trace_clustering.clustering.neighbours import first_of_equals
from trace_clustering.clustering.numbering import numbered_by_size
from trace_clustering.clustering.preparation import (
    Prepared,
    check_whole_number,
    prepare,
    whole_numbers,
)
from trace_clustering.clustering.threads import Float32, Labels, Workers
from trace_clustering.errors import InvalidInputError

# Beyond, the distances between all rows take more than 400 MB.
_MAX_ROWS = 10_000
# Given clusters are joined by the distances between all of them, after what is in them.
_MAX_GROUPS = 4000


@dataclass(frozen=True, eq=False)
class ClusterLevels:
    """A tree over rows, and its leaf level.

    Attributes:
        leaf_labels: (n,) int32, the leaf of each row, numbered from 0 by size, largest first.
        n_leaves: how many leaves there are; it follows from the data.
        most_groups: how many groups there are at most: points are never parted, and neither are
            equal rows of the same cluster (see ``within``), because nothing but their order could
            part them.
        tree: Ward's, over points; heights in the caller's units. Within clusters the heights inside
            leaves are those of the tree without clusters (see ``borders``).
        points: (n,) int32, the point of each row. Up to 10,000 rows each is a point, beyond they
            are micro-clusters.
        order: (n,) the rows in an order that follows from their values.
    """

    leaf_labels: Labels
    n_leaves: int
    most_groups: int
    tree: Tree
    points: Labels
    order: NDArray[np.intp]

    def labels_at(self, n_groups: int) -> Labels:
        """The rows in ``n_groups`` groups, numbered from 0 by size, largest first.

        Nested: every group is a union of groups of any larger number. The leaves are the groups
        at ``n_leaves``.

        Returns:
            (n,) int32.

        Raises:
            InvalidInputError: ``n_groups`` is no whole number from 1 to ``most_groups``.
        """
        check_whole_number("n_groups", n_groups, 1, self.most_groups)
        labels = self._cuts.labels(n_groups)[self.points]
        return numbered_by_size(labels, self.order)

    @cached_property
    def _cuts(self) -> Cuts:
        return Cuts(self.tree)


def cluster_levels(
    embeddings: ArrayLike,
    *,
    seed: int = 42,
    within: ArrayLike | None = None,
    on_progress: Callable[[], None] | None = None,
) -> ClusterLevels:
    """Divides vectors into a tree of groups and finds how many groups its leaf level has.

    Every point is first averaged with its nearest neighbours, about log n in all; what is averaged
    is joined by Ward's method. Points are rows, or where these are more than 10,000 a few thousand
    micro-clusters of them. The leaf level is as fine as halves of the rows agree on, which are
    divided apart from each other; rows that do no better than a single Gaussian cloud are one
    group (see ``leaf_level``).

    The same for the same data and seed, whatever the order of the rows and the number of threads.

    Args:
        embeddings: (n, d) real numbers, n >= 2; used in float32 precision, not changed.
        seed: of the random generator, not negative.
        within: (n,) whole numbers, at most 4,000 clusters of the rows. Leaves are parts of these
            clusters, at least one of each; how many there are is found as without the clusters,
            among the numbers from theirs on. A leaf that their borders cut counts once for each
            side that holds a quarter of it, at least once (see ``borders``).
        on_progress: called often; what it raises ends the work.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
    """
    check_whole_number("seed", seed, 0)
    with Workers(on_progress) as workers:
        prepared, groups = _by_groups(prepare(workers, embeddings), within)
        rng = np.random.default_rng(seed)
        points = _points(workers, prepared.rows, rng)
        tree = ward(workers, points.means, points.weights)
        least = int(groups.max()) + 1
        leaves = choose_leaves(workers, prepared.rows, Cuts(tree), points.of_rows, rng, least)
        found = Division(tree, points.of_rows, leaves)
        if least > 1:
            found = within_groups(workers, found, prepared.rows, groups)
    most = Cuts(found.tree).most_groups(found.of_rows[_equal_pairs(prepared.rows, groups)])
    leaves = max(min(found.leaves, most), least)
    return _levels(prepared, found.of_rows, found.tree, leaves, most)


def _by_groups(prepared: Prepared, within: ArrayLike | None) -> tuple[Prepared, Labels]:
    """Brings equal rows into the order of their groups, which are returned too."""
    groups = _as_groups(within, prepared)
    # Else the caller's order would decide which of equal rows of several groups are joined first.
    moved = np.lexsort((groups, np.cumsum(first_of_equals(prepared.rows))))
    return replace(prepared, order=prepared.order[moved]), groups[moved]


def _as_groups(within: ArrayLike | None, prepared: Prepared) -> Labels:
    """Numbers 0..k-1 (n,) of ``prepared.rows``."""
    n = len(prepared.rows)
    if within is None:
        return np.zeros(n, dtype=np.int32)
    labels = whole_numbers("within", within, n)
    # By size: the numbers that the caller gave them must not matter.
    groups = numbered_by_size(labels[prepared.order])
    if (count := int(groups.max()) + 1) > _MAX_GROUPS:
        raise InvalidInputError("within", f"expected at most {_MAX_GROUPS} clusters, got {count}")
    return groups


def _equal_pairs(rows: Float32, groups: Labels) -> NDArray[np.intp]:
    """Pairs (m, 2) of equal rows of the same group, which are neighbours, that chain them all."""
    one = np.flatnonzero(~first_of_equals(rows)[1:] & (np.diff(groups) == 0))
    return np.column_stack([one, one + 1])


def _points(workers: Workers, rows: Float32, rng: np.random.Generator) -> Points:
    """What a tree joins, each moved to the mean of its neighbourhood."""
    if len(rows) > _MAX_ROWS:
        return _averaged(workers, gathered(workers, rows, rng))
    numbers = np.arange(len(rows), dtype=np.int32)
    return _averaged(workers, Points(numbers, rows, np.ones(len(rows))))


def _averaged(workers: Workers, points: Points) -> Points:
    return replace(points, means=neighbour_means(workers, points.means))


def _levels(
    prepared: Prepared, points: Labels, tree: Tree, leaves: int, most: int
) -> ClusterLevels:
    heights = np.ldexp(tree.heights, prepared.exponent - prepared.zoom)
    children = tree.children
    # Micro-clusters may be as many as the rows, in another order.
    if len(prepared.rows) <= _MAX_ROWS:
        # Points are rows: with the caller's numbers.
        numbers = np.concatenate([prepared.order, np.arange(len(points), 2 * len(points) - 1)])
        children, points = (
            numbers[children].astype(np.int32),
            np.arange(len(points), dtype=np.int32),
        )
    else:
        points = prepared.to_caller_rows(points)
    made = ClusterLevels(
        leaf_labels=points,
        n_leaves=leaves,
        most_groups=most,
        tree=Tree(children, heights, tree.sizes),
        points=points,
        order=prepared.order,
    )
    return replace(made, leaf_labels=made.labels_at(leaves))
