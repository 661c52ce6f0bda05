"""Which levels of a tree are shown, and the groups on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from trace_clustering.clustering.levels import ClusterLevels
from trace_clustering.clustering.linkage import Tree
from trace_clustering.clustering.numbering import cluster_numbers
from trace_clustering.clustering.threads import Labels
from trace_clustering.errors import InvalidInputError

# A level has about this many times the groups of the one above.
_RATIO = 4.0
# Fewer leaves than this many times the top clusters need no level in between.
_NEAR = 3.0
_DIGITS = 4


@dataclass(frozen=True)
class Node:
    """A group of rows on one or several levels.

    Top clusters have the ids 0..k-1 that they came with; below, ids go on level by level, by size.

    Attributes:
        parent: id of the group that it is a part of; None for a top cluster.
        first_level, last_level: where it is shown; 0 is the level of the top clusters. A group that
            is not divided further stands on several levels.
        size: rows.
    """

    group_id: int
    parent: int | None
    first_level: int
    last_level: int
    size: int


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A tree as it is shown.

    Attributes:
        sizes: groups on each level, the top clusters' first, the leaves' last. May be one level.
        nodes: by ascending id.
        leaf_ids: (n,) int32, the id of the leaf of each row.
        merges: how the leaves join, lowest first: (one, other, height). Leaves are numbered in the
            order of their ids, from 0; merge i makes number leaves + i.
    """

    sizes: list[int]
    nodes: list[Node]
    leaf_ids: Labels
    merges: list[tuple[int, int, float]]


def hierarchy(levels: ClusterLevels, top: ArrayLike) -> Hierarchy:
    """Chooses the levels between the top clusters and the leaves, and names the groups by numbers.

    Args:
        levels: made ``within`` the top clusters.
        top: (n,) the top cluster of each row, 0..k-1.

    Raises:
        InvalidInputError: ``top`` is no such array, or a leaf holds rows of several top clusters.
    """
    tops = _as_tops(levels, top)
    counts = _shown(levels.tree, int(tops.max()) + 1, levels.n_leaves)
    labelings = [tops, *(levels.labels_at(count) for count in counts[1:])]
    nodes, leaf_ids = _nodes(labelings)
    return Hierarchy(counts, nodes, leaf_ids, _merges(levels, leaf_ids))


def _as_tops(levels: ClusterLevels, top: ArrayLike) -> Labels:
    tops = cluster_numbers("top", top, len(levels.leaf_labels))
    k = int(tops.max()) + 1
    if k > levels.n_leaves or _parted(levels.labels_at(k), tops):
        raise InvalidInputError("top", "the leaves are not parts of these clusters")
    return tops


def _parted(labels: Labels, tops: Labels) -> bool:
    """Whether a group holds rows of several top clusters, when there are as many of both."""
    return len(np.unique(np.column_stack([labels, tops]), axis=0)) > int(tops.max()) + 1


def _shown(tree: Tree, tops: int, leaves: int) -> list[int]:
    """How many groups each level has: geometric steps, moved to where merges leave a wide gap."""
    if leaves == tops:
        return [tops]
    ratio = leaves / tops
    steps = max(1, round(np.log(ratio) / np.log(_RATIO))) if ratio >= _NEAR else 1
    between = [tops * ratio ** (step / steps) for step in range(1, steps)]
    reach = ratio ** (0.25 / steps)
    return [tops, *(_widest_gap(tree, count / reach, count * reach) for count in between), leaves]


def _widest_gap(tree: Tree, least: float, most: float) -> int:
    """The number of groups that stays for the widest ratio of heights."""
    counts = np.arange(int(np.ceil(least)), int(most) + 1)
    # The last merge leaves one group, so a cut into c groups comes before merge points - c.
    after, before = tree.heights[tree.points - counts], tree.heights[tree.points - counts - 1]
    gaps = after / np.maximum(before, np.finfo(np.float64).tiny)
    return int(counts[gaps.argmax()])


def _nodes(labelings: Sequence[Labels]) -> tuple[list[Node], Labels]:
    ids = labelings[0]
    nodes = [Node(number, None, 0, 0, int(size)) for number, size in enumerate(np.bincount(ids))]
    for level, labels in enumerate(labelings[1:], start=1):
        below = np.empty_like(ids)
        # By size, so that ids go on by size.
        for group, (parent, size) in enumerate(_parents(labels, ids)):
            if nodes[parent].size == size:
                nodes[parent] = replace(nodes[parent], last_level=level)
                number = parent
            else:
                number = len(nodes)
                nodes.append(Node(number, parent, level, level, size))
            below[labels == group] = number
        ids = below
    return nodes, ids


def _parents(labels: Labels, ids: Labels) -> list[tuple[int, int]]:
    """(id of the group above, size) of every group."""
    _, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    return list(zip(ids[first].tolist(), sizes.tolist(), strict=True))


def _merges(levels: ClusterLevels, leaf_ids: Labels) -> list[tuple[int, int, float]]:
    """The last merges of the tree, over leaves instead of points."""
    tree, leaves = levels.tree, levels.n_leaves
    leaf_of_row = np.unique(leaf_ids, return_inverse=True)[1]
    numbers = np.full(2 * tree.points - 1, -1)
    numbers[levels.points] = leaf_of_row
    merges = []
    for merge, (one, other) in enumerate(tree.children.tolist()):
        made = tree.points + merge
        last = merge - (tree.points - leaves)
        if last < 0:
            # Within a leaf.
            numbers[made] = numbers[one]
        else:
            numbers[made] = leaves + last
            height = float(f"{tree.heights[merge]:.{_DIGITS}g}")
            merges.append((int(numbers[one]), int(numbers[other]), height))
    return merges
