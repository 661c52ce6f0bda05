"""A tree brought within clusters whose borders run through its leaves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.clustering.test_levels import clusters
from trace_clustering.clustering.borders import Division, within_groups
from trace_clustering.clustering.levels import cluster_levels
from trace_clustering.clustering.linkage import Cuts, ward
from trace_clustering.clustering.threads import Labels, Workers

LEAVES, ROWS = 8, 640


def leaves_and_borders(wrong: int, leaves: int = LEAVES) -> tuple[Division, Division, Labels]:
    """A tree whose leaves are clear groups, and the same within two clusters of four of them each.

    So many rows of the first group are in the second cluster.
    """
    embeddings, truth = clusters(LEAVES, ROWS, 30, 16)
    top = (truth >= LEAVES // 2).astype(np.int32)
    top[np.flatnonzero(truth == 0)[:wrong]] = 1
    return *bordered(embeddings, top, leaves), top


def bordered(embeddings: NDArray[Any], top: Labels, leaves: int) -> tuple[Division, Division]:
    rows = embeddings.astype(np.float32)
    with Workers() as workers:
        tree = ward(workers, rows)
        free = Division(tree, np.arange(len(rows), dtype=np.int32), leaves)
        return free, within_groups(workers, free, rows, top)


def labels(found: Division, count: int | None = None) -> Labels:
    return Cuts(found.tree).labels(count or found.leaves)[found.of_rows]


def pairs(one: NDArray[Any], other: NDArray[Any]) -> int:
    return len(np.unique(np.column_stack([one, other]), axis=0))


def test_a_leaf_cut_in_half_is_a_leaf_on_both_sides() -> None:
    free, found, top = leaves_and_borders(wrong=40)
    assert found.leaves == LEAVES + 1
    # Each is one side of one leaf.
    assert pairs(labels(found), labels(free)) == pairs(labels(found), top) == LEAVES + 1


def test_strays_join_another_leaf_of_their_cluster() -> None:
    free, found, top = leaves_and_borders(wrong=5)
    assert found.leaves == pairs(labels(found), top) == LEAVES
    whole = labels(free)
    strays = (top == 1) & np.isin(whole, whole[top == 0])
    assert strays.sum() == 5
    (joined,) = np.unique(labels(found)[strays])
    assert (labels(found) == joined).sum() > 40


def test_inside_leaves_it_is_the_tree_without_clusters() -> None:
    free, found, top = leaves_and_borders(wrong=40)
    for count in (LEAVES, 20, 60, ROWS):
        sides = pairs(labels(free, count), top)
        assert pairs(labels(found, sides), labels(free, count)) == sides
    assert (np.diff(found.tree.heights) >= 0).all()
    assert found.tree.sizes[-1] == ROWS


def test_clusters_are_joined_last() -> None:
    _, found, top = leaves_and_borders(wrong=40)
    assert pairs(labels(found, 2), top) == 2


def test_clusters_that_cut_all_leaves() -> None:
    embeddings, _ = clusters(LEAVES, ROWS, 30, 16)
    top = (np.arange(ROWS) % 3).astype(np.int32)
    free, found = bordered(embeddings, top, LEAVES)
    # A third of each leaf is in each cluster.
    assert found.leaves == pairs(labels(found), labels(free)) == 3 * LEAVES


def test_a_leaf_in_small_pieces_is_one_leaf_at_least() -> None:
    embeddings, _ = clusters(LEAVES, ROWS, 30, 16)
    for count in (5, 6):
        _, found = bordered(embeddings, (np.arange(ROWS) % count).astype(np.int32), LEAVES)
        assert LEAVES <= found.leaves < 2 * LEAVES


def test_equal_rows_of_several_clusters_in_any_order() -> None:
    rng = np.random.default_rng(29)
    rows = np.eye(40)[rng.integers(0, 30, 90)]
    top = np.append([0, 1], rng.integers(0, 2, 88))
    found = cluster_levels(rows, within=top)
    assert found.most_groups == pairs(rows.argmax(axis=1), top)
    for _ in range(5):
        moved = rng.permutation(90)
        assert cluster_levels(rows[moved], within=top[moved]).most_groups == found.most_groups


def test_more_clusters_than_points() -> None:
    rows = np.array([[0], [1], [3], [4], [9], [9]], dtype=np.float32)
    of_rows = np.repeat(np.arange(3, dtype=np.int32), 2)
    top = np.array([0, 1, 0, 2, 3, 3], dtype=np.int32)
    with Workers() as workers:
        tree = ward(workers, np.array([[0.5], [3.5], [9]], dtype=np.float32), np.full(3, 2.0))
        found = within_groups(workers, Division(tree, of_rows, leaves=4), rows, top)
    assert found.tree.points == 5
    assert found.leaves == pairs(labels(found), top) == 4
    assert sorted(found.tree.children.ravel().tolist()) == list(range(8))


def test_where_there_are_no_finer_groups_clusters_are_the_leaves() -> None:
    _, found, top = leaves_and_borders(wrong=40, leaves=2)
    assert found.leaves == pairs(labels(found), top) == 2
    cloud = np.random.default_rng(0).standard_normal((400, 12))
    three = (cloud[:, 0] > 0).astype(np.int64) + (cloud[:, 1] > 1)
    assert cluster_levels(cloud, within=three).n_leaves == 3
